"""What operators do to a gateway with a dozen calls on it, and what fails beside it: no call is lost, and nobody hears of it."""

import asyncio
import contextlib
import os
import signal

import aiohttp

from support.chirp import Chirp, gaps
from support.client import VoiceClient
from support.nginx import Certificates
from support.parrot import says_it_back
from support.processes import KEY, SECRET, Gateway, Program, answers, free_port
from support.sounds import audible_seconds, silence
from test_tls import SecureGateway, serial

CALLS = 12


async def test_reload_certificate_redis_and_drain_end_no_call(programs, room_server, tmp_path):
    port = free_port()
    redis = await programs(Program("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", tmp_path))
    await answers(redis, port)
    settings = tmp_path / "settings"
    settings.write_text("LOG_LEVEL=info\n")
    certificates = Certificates(tmp_path)
    gateway = await programs(SecureGateway(
        certificates, "--env-file", settings, LIVEKIT_URL=room_server.url, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET,
        AGENT_NAME="parrot", REDIS_URL=f"redis://127.0.0.1:{port}", MAX_CONNECTIONS_PER_ADDRESS=CALLS + 1,
        RESUME_GRACE_SECONDS=0, DRAIN_NOTICE=0, DRAIN_SECONDS=60))
    await gateway.says("limits count for the fleet")
    async with contextlib.AsyncExitStack() as stack:
        callers = [
            await stack.enter_async_context(VoiceClient(gateway.url, tls=gateway.trust, identity=f"caller-{number}"))
            for number in range(CALLS)]
        for caller in callers:
            await caller.event("session", 30)

        async def happens() -> None:
            settings.write_text("LOG_LEVEL=debug\nMAX_CONNECTIONS=500\n")
            gateway.signal(signal.SIGHUP)
            await gateway.says("settings read again")
            before = await asyncio.to_thread(serial, gateway)
            certificates.make("gateway", "localhost")
            await gateway.says("certificate read again")
            assert await asyncio.to_thread(serial, gateway) != before
            redis.signal(signal.SIGKILL)
            await gateway.says("Redis is away")

        await asyncio.gather(happens(), *(says_it_back(caller) for caller in callers))
        gateway.signal(signal.SIGTERM)
        await gateway.says("draining: new calls are refused")
        await asyncio.gather(*(says_it_back(caller, "and good night") for caller in callers))
        for caller in callers:
            assert caller.close_code is None
            assert [event for event in caller.events if event["type"] in ("error", "closing", "agent_left")] == []
    assert await gateway.ends() == 0
    await gateway.says("stopping signal=")
    ends = [line for line in gateway.lines if "call ended" in line]
    assert len(ends) == CALLS and all("blame=none" in line and "reconnects=0" in line for line in ends)


class UnreadGateway(Gateway):
    """A gateway whose log goes into a pipe that nobody reads."""

    async def start(self) -> "UnreadGateway":
        self.log, theirs = os.pipe()
        self.process = await asyncio.create_subprocess_exec(
            *self.command, stdin=self.stdin, stdout=theirs, stderr=theirs, env=self.environment, cwd="/tmp",
            start_new_session=True)
        os.close(theirs)
        self._reading = [asyncio.create_task(self.process.wait())]
        await answers(self, self.port)
        return self


async def test_a_log_that_nobody_reads_is_heard_by_nobody(programs):
    gateway = await programs(UnreadGateway(LOG_LEVEL="debug"))
    url = f"http://127.0.0.1:{gateway.port}"

    async def lost(http) -> int:
        async with http.get(f"{url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return int(next(line for line in lines if line.startswith("voicegateway_log_lines_lost_total ")).split()[1])

    async with aiohttp.ClientSession() as http, VoiceClient(gateway.url, output_sample_rate=16000) as alice:
        await alice.event("agent_state", state="listening")
        async with asyncio.timeout(30):
            while await lost(http) == 0:
                await asyncio.gather(*(http.get(f"{url}/health/live") for _ in range(50)))
        before = await lost(http)
        await alice.speak(Chirp(alice.rate_in).next(3))
        await alice.speak(silence(0.2, alice.rate_in))
        await alice.until(lambda: audible_seconds(alice.samples, 16000) >= 2.8, what="the tone")
        assert gaps(alice.samples, 16000) == []
        assert await lost(http) > before
    os.close(gateway.log)
