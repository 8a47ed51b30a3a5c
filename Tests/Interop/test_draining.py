"""A gateway that is told to go while somebody talks on it (SIGTERM), as systemd and Kubernetes do at each deploy."""

import json
import signal
import urllib.error
import urllib.request

import aiohttp
import pytest

from support.client import VoiceClient
from support.processes import Gateway, RoomServer
from support.sounds import tone
from test_gateway_clients import client, hears_tone
from test_resume import lose

DEPLOYMENT = {"LIVEKIT_API_KEY": "devkey", "LIVEKIT_API_SECRET": "secret"}


def get(gateway: Gateway, path: str) -> tuple[int, dict]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{gateway.port}{path}", timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


async def draining(programs, room_server, **environment) -> Gateway:
    return await programs(Gateway(LIVEKIT_URL=room_server.url, **DEPLOYMENT, **environment))


async def test_after_sigterm_a_call_goes_on_new_ones_are_refused_and_the_last_one_ends_the_process(
    programs, room_server
):
    gateway = await draining(
        programs, room_server, DRAIN_NOTICE=0, DRAIN_SECONDS=60, RESUME_GRACE_SECONDS=10
    )
    async with client(gateway, "one") as one, client(gateway, "two") as two:
        token = (await one.event("session"))["resume_token"]
        await two.event("session")
        gateway.signal(signal.SIGTERM)
        await gateway.says("draining: new calls are refused, calls go on")

        assert get(gateway, "/health/ready")[0] == 503
        health = get(gateway, "/health")[1]
        assert health["calls"] == 2 and health["draining"] is True
        async with aiohttp.ClientSession() as http:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
                await http.ws_connect(f"{gateway.url}?room=meeting&identity=three&agent=")
        assert refusal.value.status == 503 and refusal.value.headers["Retry-After"] == "1"

        await one.speak(tone(440, 2, one.rate_in))
        await hears_tone(two, 440)

        await lose(one)
        async with VoiceClient(gateway.url, session=token) as again:
            assert (await again.event("session"))["resumed"] is True
            assert get(gateway, "/health")[1]["calls"] == 2
        assert gateway.process.returncode is None
    assert await gateway.ends() == 0
    assert "no call is left" in "\n".join(gateway.lines)


async def test_calls_that_outlast_the_drain_are_told_and_ended(programs, room_server):
    gateway = await draining(programs, room_server, DRAIN_NOTICE=0, DRAIN_SECONDS=1)
    async with client(gateway, "one") as one:
        await one.event("session")
        gateway.signal(signal.SIGTERM)
        assert (await one.event("closing"))["reason"] == "shutdown"
        assert await one.closed() == 1001
    assert await gateway.ends() == 0


async def test_a_second_signal_ends_calls_at_once(programs, room_server):
    gateway = await draining(programs, room_server, DRAIN_SECONDS=60)
    async with client(gateway, "one") as one:
        await one.event("session")
        gateway.signal(signal.SIGTERM)
        await gateway.says("draining")
        gateway.signal(signal.SIGTERM)
        assert (await one.event("closing"))["reason"] == "shutdown"
    assert await gateway.ends() == 0
