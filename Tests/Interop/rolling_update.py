"""What a deploy does to calls: two gateways behind HAProxy, as deploy/haproxy has it, are replaced one after the other while
CALLS callers (the Python client of examples/) talk with real livekit-agents agents.

    CALLS=40 .venv/bin/python Tests/Interop/rolling_update.py

Both sides of TALKERS calls (4) play a tone whose pitch tells the time, so every missing or repeated part is seen. The other agents
only greet, because one that speaks and listens takes a tenth of a core: on a machine that is full it is the agents that are late. Prints a table; the exit code is 1 if a call ended, a
greeting came twice, or more than half a second of an agent's sound is missing where a call moved.
INTEROP_LIVEKIT_URL (README.md) takes a LiveKit deployment in place of the development room server.
"""

import asyncio
import collections
import os
import pathlib
import signal
import ssl
import statistics
import sys
import tempfile
import time

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from support.balancers import HAProxyBalancer  # noqa: E402
from support.chirp import Chirp, gaps, repeated  # noqa: E402
from support.client import VoiceClient  # noqa: E402
from support.processes import DEPLOYMENT, KEY, ROOT, SECRET, Gateway, Program, RoomServer, Worker  # noqa: E402
from test_draining import get  # noqa: E402

sys.path.insert(0, str(ROOT / "examples/python"))

from voicegateway import AgentLeft, Audio, Call, CallEnded, Closing, Error, Session, Transcript  # noqa: E402

RATE = 16_000
#: A gap this close to a new connection is the move's, in seconds of the recording.
NEAR = 1.5
#: Python runs one thread of a process at a time, and some twenty agents fill it.
AGENT_PROCESSES = 2
SETTINGS = {
    "LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET, "TRUSTED_PROXIES": "127.0.0.1", "RESUME_GRACE_SECONDS": 20,
    "DRAIN_NOTICE": 5, "DRAIN_SECONDS": 60}


class ChirpingAgents(Worker):
    """Agents that are threads, for which a worker has no processes to say of that they are ready."""

    def __init__(self, url: str, folder: pathlib.Path) -> None:
        # Each agent would watch its loop fifty times a second.
        watching = {"LIVEKIT_AGENTS_LOOP_BLOCK_WARN_MS": 0}
        super().__init__(url, script="chirping.py", CHIRPING_FOLDER=folder, **watching)

    async def start(self) -> "ChirpingAgents":
        await Program.start(self)
        await self.says("registered worker", within=60)
        return self


class Caller:
    """A caller who talks all the time, and what it heard and was told."""

    def __init__(self, number: int, talks: bool = True) -> None:
        self.identity = f"caller-{number}" if talks else f"quiet-{number}"
        self.does_talk = talks
        self.heard = bytearray()
        #: Where in the recording the call went on at another gateway.
        self.moves: list[float] = []
        self.greetings: set[str] = set()
        self.troubles: list[str] = []
        self.hears = asyncio.Event()
        self.is_over = False

    @property
    def samples(self) -> numpy.ndarray:
        return numpy.frombuffer(bytes(self.heard[: len(self.heard) // 2 * 2]), dtype=numpy.int16)

    async def talks(self, url: str) -> None:
        call = Call(
            url, identity=self.identity, room=self.identity, sample_rate=RATE, output_sample_rate=RATE)
        try:
            async with call:
                speaking = asyncio.create_task(self._speak(call))
                try:
                    await self._listen(call)
                finally:
                    speaking.cancel()
        except (CallEnded, OSError, asyncio.TimeoutError) as error:
            self.troubles.append(f"{type(error).__name__}: {error}")
        self.is_over = True

    async def _speak(self, call: Call) -> None:
        await self.hears.wait()
        if not self.does_talk:
            return
        tone, due = Chirp(RATE), time.monotonic()
        while True:
            await call.send_audio(tone.next(0.04).tobytes())
            due += 0.04
            await asyncio.sleep(max(0, due - time.monotonic()))

    async def _listen(self, call: Call) -> None:
        sessions = 0
        async for event in call:
            match event:
                case Audio(data):
                    self.heard += data
                    self.hears.set()
                case Session():
                    sessions += 1
                    if sessions > 1:
                        self.moves.append(len(self.heard) / 2 / RATE)
                        if not event.resumed:
                            self.troubles.append("a new session")
                case Transcript(role="assistant", segment_id=segment):
                    self.greetings.add(segment)
                case AgentLeft() | Closing() | Error():
                    self.troubles.append(str(event))


async def replace(gateway: Gateway, balancer: HAProxyBalancer) -> tuple[Gateway, float]:
    """As a deploy does it: SIGTERM, and when the process has ended another one at the same port, until the balancer knows it.
    Returns it with the seconds that the old one took."""
    began = time.monotonic()
    gateway.signal(signal.SIGTERM)
    assert await gateway.ends(90) == 0, gateway.lines[-20:]
    seconds = time.monotonic() - began
    successor = Gateway(LIVEKIT_URL=gateway.room_url, **SETTINGS)
    successor.command[successor.command.index("--port") + 1] = str(gateway.port)
    successor.port = gateway.port
    await successor.start()
    # It has no call yet, so the balancer leads the next one there as soon as its checks allow.
    trusted = ssl.create_default_context(cafile=balancer.authority)
    for number in range(100):
        async with VoiceClient(balancer.url, trusted, identity=f"probe-{number}", agent="") as probe:
            await probe.event("session")
            if get(successor, "/health")[1]["calls"] > 0:
                return successor, seconds
        await asyncio.sleep(0.2)
    raise AssertionError("the balancer does not find the new gateway")


async def update(callers: list[Caller], folder: pathlib.Path) -> dict[str, float]:
    """Seconds that each gateway took to go."""
    started: list = []

    async def start(program):
        started.append(program)
        return await program.start()

    tasks = []
    try:
        url = DEPLOYMENT or (await start(RoomServer("--no-parrot"))).url
        for _ in range(AGENT_PROCESSES):
            await start(ChirpingAgents(url, folder))
        gateways = [await start(Gateway(LIVEKIT_URL=url, **SETTINGS)) for _ in range(2)]
        balancer = await start(HAProxyBalancer(folder, *(gateway.port for gateway in gateways)))
        # Callers trust who has signed the balancer's certificate.
        os.environ["SSL_CERT_FILE"] = str(balancer.authority)
        for caller in callers:
            tasks.append(asyncio.create_task(caller.talks(balancer.url)))
            # Nobody begins forty calls in the same moment, and each costs its agent a second of CPU.
            await asyncio.wait_for(caller.hears.wait(), 60)
        print(f"{len(callers)} calls: " + ", ".join(str(get(gateway, "/health")[1]["calls"]) for gateway in gateways), flush=True)
        await asyncio.sleep(5)
        took = {}
        for number, name in enumerate(("first", "second")):
            gateways[number], took[name] = await replace(gateways[number], balancer)
            started.append(gateways[number])
            await asyncio.sleep(5)
        for caller in callers:
            if caller.is_over:
                caller.troubles.append("the call is over")
        return took
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for program in reversed(started):
            await program.stop()


def milliseconds(values: list[float]) -> str:
    if not values:
        return "none"
    return f"p50 {1000 * statistics.median(values):.0f}, max {1000 * max(values):.0f} ({len(values)} times)"


def report(callers: list[Caller], folder: pathlib.Path, took: dict[str, float]) -> bool:
    """Prints the table, and says whether all is as it must be."""
    greetings = collections.Counter((folder / "greetings").read_text().split())
    moved, elsewhere, up, twice = [], [], [], []
    for caller in (caller for caller in callers if caller.does_talk):
        for at, seconds in gaps(caller.samples, RATE):
            (moved if any(abs(at - move) < NEAR for move in caller.moves) else elsewhere).append(seconds)
        twice.append(repeated(caller.samples, RATE))
        said = numpy.fromfile(folder / f"{caller.identity}.raw", dtype=numpy.int16)
        up += [seconds for _, seconds in gaps(said, RATE)]
    ended = [caller for caller in callers if caller.troubles]
    again = sum(max(greetings[caller.identity], len(caller.greetings)) - 1 for caller in callers)
    rows = {
        "calls": f"{len(callers)}, of which {sum(caller.does_talk for caller in callers)} talk",
        "moves": sum(len(caller.moves) for caller in callers),
        "calls ended or disturbed": len(ended),
        "greetings repeated": again,
        "agent's sound lost by a move, ms": milliseconds(moved),
        "agent's sound lost otherwise, ms": milliseconds(elsewhere),
        "agent's sound heard twice, ms": f"{1000 * sum(twice):.0f}",
        "caller's sound lost, ms": milliseconds(up),
        "gateways gone after, s": ", ".join(f"{seconds:.1f}" for seconds in took.values()),
    }
    for name, value in rows.items():
        print(f"{name:34} {value}")
    for caller in ended:
        print(f"{caller.identity}: {'; '.join(caller.troubles)}")
    return not ended and again == 0 and max(moved, default=0) <= 0.5 and min(len(caller.moves) for caller in callers) >= 1


def main() -> int:
    count = int(os.environ.get("CALLS", "6"))
    talkers = int(os.environ.get("TALKERS", "4"))
    # The others move as well, and say nothing.
    callers = [Caller(number, number < talkers) for number in range(count)]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        took = asyncio.run(update(callers, folder))
        return 0 if report(callers, folder, took) else 1


if __name__ == "__main__":
    sys.exit(main())
