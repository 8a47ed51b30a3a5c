"""A gateway whose settings file changes while somebody talks (SIGHUP), and what it tells systemd."""

import asyncio
import os
import signal
import socket

import aiohttp

from support.client import VoiceClient
from support.parrot import says_it_back
from support.processes import Gateway


class Systemd:
    """The socket to which a service tells how far it is (sd_notify)."""

    def __init__(self, folder) -> None:
        self.path = folder / "notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(str(self.path))

    async def told(self, wanted: str, within: float = 20) -> str:
        """The next message that begins so."""

        async def message() -> str:
            while True:
                text = (await asyncio.get_running_loop().sock_recv(self._socket, 4096)).decode()
                if text.startswith(wanted):
                    return text

        return await asyncio.wait_for(message(), within)


def write(path, **settings) -> None:
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))


async def close_code(gateway: Gateway, key: str) -> int:
    """Of somebody with that key who is refused."""
    async with VoiceClient(gateway.url, api_key=key) as client:
        return await client.closed()


async def test_new_settings_count_for_new_callers_and_the_call_that_there_is_goes_on(programs, tmp_path):
    settings = tmp_path / "settings"
    common = {"API_KEY_ENABLED": "true", "MAX_CONNECTIONS_PER_KEY": 1, "THREADS": 1, "AGENT_NAME": "parrot"}
    write(settings, API_KEYS="old,both", **common)
    systemd = Systemd(tmp_path)
    gateway = await programs(
        Gateway("--env-file", settings, NOTIFY_SOCKET=systemd.path, WATCHDOG_USEC=3_000_000, DRAIN_SECONDS=60)
    )
    assert await systemd.told("READY=1") == "READY=1\nSTATUS=serving"
    await systemd.told("WATCHDOG=1")
    async with VoiceClient(gateway.url, api_key="old") as alice:
        await alice.event("session")

        write(settings, API_KEYS="new,both", **common | {"THREADS": 2, "LOG_LEVEL": "debug"})
        gateway.signal(signal.SIGHUP)
        assert "changed=LOG_LEVEL,API_KEYS" in await gateway.says("settings read again")
        assert "settings=THREADS" in await gateway.says("count after a restart")
        await systemd.told("RELOADING=1\nMONOTONIC_USEC=")
        await systemd.told("READY=1")
        async with VoiceClient(gateway.url, api_key="new") as bob:
            await bob.event("session")
            assert await close_code(gateway, "new") == 4429
        assert await close_code(gateway, "old") == 4403
        await gateway.says("level=debug")

        write(settings, API_KEYS="other", **common | {"MAX_TRACKS": 0})
        gateway.signal(signal.SIGHUP)
        assert 'MAX_TRACKS is \\"0\\"' in await gateway.says("settings not read again, the old ones stay")
        async with VoiceClient(gateway.url, api_key="new") as bob:
            await bob.event("session")
        async with aiohttp.ClientSession() as http:
            async with http.get(f"http://127.0.0.1:{gateway.port}/metrics") as answer:
                assert "voicegateway_settings_reload_successful 0" in await answer.text()

        await says_it_back(alice)
        gateway.signal(signal.SIGTERM)
        assert "calls left: 1" in await systemd.told("STOPPING=1")
        gateway.signal(signal.SIGTERM)
        assert await alice.closed() == 1001
    assert await gateway.ends() == 0


async def test_livekits_secret_is_rotated_under_a_call(programs, room_server, tmp_path):
    """The room server takes `secret` alone, so a call with the wrong one shows which secret counts."""
    settings = tmp_path / "settings"
    deployment = {"LIVEKIT_URL": room_server.url, "LIVEKIT_API_KEY": "devkey"}
    write(settings, LIVEKIT_API_SECRET="not-the-one", **deployment)
    # The file says everything.
    gateway = Gateway("--env-file", settings, LIVEKIT_URL="")
    gateway = await programs(gateway)
    async with VoiceClient(gateway.url, agent="") as early:
        assert (await early.event("error"))["code"] == "room_unavailable"
    write(settings, LIVEKIT_API_SECRET="secret", **deployment)
    gateway.signal(signal.SIGHUP)
    await gateway.says("changed=LIVEKIT_API_SECRET")
    async with VoiceClient(gateway.url, agent="") as later:
        await later.event("session")
        assert "error" not in [event["type"] for event in later.events]


async def test_a_gateway_ends_with_the_terminal_that_it_was_started_from(programs):
    ours, its = os.openpty()
    gateway = Gateway()
    gateway.stdin = its
    await programs(gateway)
    os.close(its)
    gateway.signal(signal.SIGHUP)
    await gateway.says("settings read again")
    os.close(ours)
    gateway.signal(signal.SIGHUP)
    assert await gateway.ends() == 0
