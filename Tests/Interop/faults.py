"""What calls do while networks fail: `make faults`. A gateway and a caller on the official SDK stand in one network, which is cut,
filtered and mended; each talks with somebody of the official SDK outside, and both sides play a tone whose pitch tells the time. So
every part that is missing is seen, and how late the others are.

    .venv/bin/python Tests/Interop/faults.py [--only NAME …] [--livekit PATH]

Needs root, or sudo without a password. Prints a table; the exit code is 1 if the gateway did worse than is expected. `--livekit` is a
livekit-server in place of the development room server.
"""

import argparse
import asyncio
import dataclasses
import json
import pathlib
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from support.chirp import Chirp  # noqa: E402
from support.chirp_delay import STEP, Heard  # noqa: E402
from support.client import VoiceClient  # noqa: E402
from support.island import HOME, Island  # noqa: E402
from support.processes import KEY, SECRET, Program, RoomServer, free_port  # noqa: E402
from support.sdk_caller import talk  # noqa: E402
from support.sdk_client import RATE, Client  # noqa: E402

#: Seconds before a fault and after it.
BEFORE, AFTER = 5, 30
#: Rows that run at the same time.
SIDE_BY_SIDE = 3


class LiveKit(Program):
    """A livekit-server at HOME."""

    def __init__(self, path: str) -> None:
        self.host, self.port = HOME, free_port()
        self.media = self.port + 1
        self.url = f"ws://{HOME}:{self.port}"
        configuration = {
            "port": self.port, "bind_addresses": [HOME], "keys": {KEY: SECRET},
            "rtc": {"tcp_port": self.media, "port_range_start": 50_000, "port_range_end": 60_000, "node_ip": HOME, "use_external_ip": False},
            "room": {"auto_create": True}}
        super().__init__(path, "--config-body", json.dumps(configuration))

    async def start(self) -> "LiveKit":
        await super().start()
        await self.says("starting LiveKit server")
        return self


class TimedClient(VoiceClient):
    """A client that notes when sound came."""

    def __init__(self, *arguments, **parameters) -> None:
        super().__init__(*arguments, **parameters)
        self.moments: list[tuple[float, int]] = []

    async def watch(self) -> None:
        """Notes the moments until it is cancelled."""
        while True:
            async with self._news:
                await self._news.wait()
                self.moments.append((time.monotonic(), len(self.heard)))

    def pieces(self) -> list[tuple[float, numpy.ndarray]]:
        sound, before, found = self.samples, 0, []
        for moment, length in self.moments:
            found.append((moment, sound[before : length // 2]))
            before = length // 2
        return found


@dataclasses.dataclass
class Stage:
    """The call by the gateway, and beside it the call of the SDK."""

    server: Program
    island: Island
    client: TimedClient


@dataclasses.dataclass
class Fault:
    name: str
    expected: str
    #: Lets it happen, and mends it.
    happens: Callable[[Stage], Awaitable[None]]
    #: At most, of the way up and the way down, in ms.
    lost: tuple[float, float]
    #: How much later than before what is said in the last second is heard, in ms at most. A tone has no pause that could be
    #: shortened, and the listener's own buffer has grown.
    late: float = 400
    #: Before the callers come.
    begins: Callable[[Stage], None] | None = None


async def nothing(stage: Stage) -> None:
    await asyncio.sleep(1)


async def udp_blocked(stage: Stage, seconds: float = 30) -> None:
    stage.island.loses("udp")
    await asyncio.sleep(seconds)
    stage.island.loses_nothing()


async def signalling_silent(stage: Stage, seconds: float = 40) -> None:
    stage.island.loses_ports("tcp", stage.server.port, stage.server.port)
    await asyncio.sleep(seconds)
    stage.island.loses_nothing()


async def everything_cut(stage: Stage, seconds: float) -> None:
    stage.island.cut()
    await asyncio.sleep(seconds)
    stage.island.mend()


async def client_silent(stage: Stage, seconds: float) -> None:
    stage.island.cut_clients()
    await asyncio.sleep(seconds)
    stage.island.mend_clients()


async def server_killed(stage: Stage) -> None:
    stage.server.signal(signal.SIGKILL)
    await stage.server.ends()
    await asyncio.sleep(2)
    await stage.server.start()


FAULTS = [
    Fault("none", "nothing lost", nothing, (0, 0)),
    Fault("UDP closed from the start", "sound over TCP", nothing, (0, 0), begins=lambda stage: stage.island.loses("udp")),
    Fault("UDP blocked for 30 s", "goes on over TCP", udp_blocked, (2500, 3500)),
    Fault("signalling silent for 40 s", "nothing lost", signalling_silent, (100, 100)),
    Fault("all cut for 1 s", "what the caller said is kept", lambda stage: everything_cut(stage, 1), (300, 1300)),
    Fault("all cut for 5 s", "what the caller said is kept", lambda stage: everything_cut(stage, 5), (2500, 7000)),
    Fault("client silent for 5 s", "what the caller said is kept", lambda stage: client_silent(stage, 5), (1500, 10_000)),
    Fault("room server killed, back after 2 s", "the call goes on", server_killed, (8000, 12_000)),
]


async def row(fault: Fault, livekit: str | None) -> dict:
    """What happened to both calls."""
    server = LiveKit(livekit) if livekit else RoomServer("--no-parrot", host=HOME)
    island = Island(
        LIVEKIT_URL=server.url, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET, RESUME_GRACE_SECONDS=30, LOG_LEVEL="debug")
    file = tempfile.NamedTemporaryFile(suffix=".npz")
    sdk = None
    try:
        await island.start()
        await server.start()
        stage = Stage(server, island, None)
        if fault.begins:
            fault.begins(stage)
        await island.serves()
        async with Client(server, "by-gateway", "listener") as near, Client(server, "by-sdk", "listener") as beside:
            for listener in (near, beside):
                await listener.publish()
                listener.said = []
                listener.run(talk(listener, listener.said))
            caller = pathlib.Path(__file__).parent / "support/sdk_caller.py"
            sdk = await Program(*island.beside(sys.executable, caller, server.url, "by-sdk", "caller", file.name)).start()
            connected = time.monotonic()
            async with TimedClient(island.url, room="by-gateway", identity="caller", agent="") as client:
                stage.client = client
                watching = asyncio.create_task(client.watch())
                await client.event("session")
                # A microphone goes on whatever the network does, and what could not be sent is sent as soon as it can.
                start = time.monotonic()
                said = [start + step * STEP for step in range(1800)]
                speaking = asyncio.create_task(client.speak(Chirp(client.rate_in).next(180)))
                await sdk.says("joined", within=60)
                await near.until(lambda: near.sound.get("caller"), 30, "the caller's sound")
                await asyncio.sleep(BEFORE)
                began = time.monotonic()
                await fault.happens(stage)
                await asyncio.sleep(AFTER)
                ended = time.monotonic()
                speaking.cancel()
                watching.cancel()
                sdk.process.stdin.close()
                told = json.loads(await sdk.says('{"said"', within=20))
                there = numpy.load(file.name)
                calls = {
                    "gateway": (
                        Heard(near.sound.get("caller", []), RATE, said),
                        Heard(client.pieces(), client.rate_out, near.said)),
                    "sdk": (
                        Heard(beside.sound.get("caller", []), RATE, told["said"]),
                        Heard(list(zip(there["times"], there["sound"])), RATE, beside.said)),
                }
                return {
                    "name": fault.name,
                    "first": (calls["gateway"][0].first() or ended) - connected,
                    "events": [
                        event["type"] + (f" {event['code']}" if "code" in event else "") for event in client.events
                        if event["type"] in ("error", "closing", "reconnecting", "reconnected")],
                    "sdk_events": [name for name in told["events"] if name in ("reconnecting", "reconnected", "disconnected")],
                    **{who: [figures(way, began, ended) for way in ways] for who, ways in calls.items()},
                }
    finally:
        if sdk:
            await sdk.stop()
        await island.stop()
        await server.stop()


def figures(heard: Heard, began: float, ended: float) -> dict:
    """In ms: what was lost from shortly before the fault to the end, and how much later than before sound is then."""
    before, after = heard.delay(began - 3, began), heard.delay(ended - 1, ended)
    return {
        "lost": heard.lost(began - 1, ended - 1.5) * 1000,
        "late": None if before is None or after is None else (after - before) * 1000,
    }


def judged(fault: Fault, found: dict) -> list[str]:
    wrong = []
    for way, limit, one in zip(("up", "down"), fault.lost, found["gateway"]):
        if one["lost"] > limit:
            wrong.append(f"{one['lost']:.0f} ms lost {way}")
        if one["late"] is None:
            wrong.append(f"nothing is heard {way} at the end")
        elif one["late"] > fault.late:
            wrong.append(f"{one['late']:.0f} ms late {way}")
    return wrong


def written(ways: list[dict]) -> str:
    return " / ".join(f"{way['lost']:.0f}" for way in ways) + " | " + " / ".join(
        "–" if way["late"] is None else f"{max(0, way['late']):.0f}" for way in ways)


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--only", nargs="*", help="names of faults")
    parser.add_argument("--livekit", help="a livekit-server")
    parser.add_argument("--row", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.row:
        fault = next(fault for fault in FAULTS if fault.name == options.row)
        print("row " + json.dumps(await row(fault, options.livekit)), flush=True)
        return 0
    chosen = [fault for fault in FAULTS if not options.only or fault.name in options.only]
    places = asyncio.Semaphore(SIDE_BY_SIDE)

    async def alone(fault: Fault) -> dict | None:
        async with places:
            extra = ["--livekit", options.livekit] if options.livekit else []
            process = await asyncio.create_subprocess_exec(
                sys.executable, __file__, "--row", fault.name, *extra, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE)
            output, errors = await process.communicate()
            lines = [line for line in output.decode().splitlines() if line.startswith("row ")]
            if not lines:
                print(f"{fault.name}: {errors.decode()[-2000:]}", file=sys.stderr)
            return json.loads(lines[0][4:]) if lines else None

    results = await asyncio.gather(*map(alone, chosen))
    print("| fault | expected | happened | ms lost up / down | later by, up / down | SDK beside it: ms lost | later by |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: |")
    failed = False
    for fault, found in zip(chosen, results):
        wrong = ["no result"] if found is None else judged(fault, found)
        failed = failed or bool(wrong)
        if found is None:
            print(f"| {fault.name} | {fault.expected} | NO: no result | | | | |")
            continue
        happened = ", ".join(found["events"]) or "nothing was told"
        happened += f"; first heard after {found['first']:.1f} s"
        verdict = f"NO: {', '.join(wrong)}; {happened}" if wrong else happened
        print(f"| {fault.name} | {fault.expected} | {verdict} | {written(found['gateway'])} | {written(found['sdk'])} |")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
