"""make bench-dialects: CPU time of a session in each dialect, beside one of raw PCM at /ws in the same run.

Two clients a room, as in `VoiceGateway load`: each speaks without a pause and hears the other one. Room server, gateway and these
clients are processes of their own, and each dialect gets a fresh gateway. The clients' messages are those of the interop tests
(Tests/Interop/support), whose Python and packages this needs. A dialect in which a client does not hear what the other one says is shown
as not valid.
"""

import argparse
import asyncio
import base64
import dataclasses
import json
import math
import os
import pathlib
import sys
import typing

ROOT = pathlib.Path(__file__).resolve().parents[1]
os.environ.setdefault("VOICE_GATEWAY", str(ROOT / ".build/release/VoiceGateway"))
sys.path.insert(0, str(ROOT / "Tests/Interop"))

import numpy  # noqa: E402
import websockets  # noqa: E402

from support.carriers import AwaazCall, ExotelCall, PlivoCall, TelnyxCall, TwilioCall, VonageCall  # noqa: E402
from support.processes import KEY, SECRET, Gateway, RoomServer  # noqa: E402
from support.sounds import spoken  # noqa: E402
from support.xiaozhi import opuslib  # noqa: E402

SENTENCE = "the quick brown fox jumps over the lazy dog and over the other fox"


@dataclasses.dataclass
class Form:
    """How a client speaks: what it says first, and its sound, message by message."""

    path: str
    opening: list
    sound: typing.Callable  # message number n
    seconds: float  # of sound in a message
    headers: dict = dataclasses.field(default_factory=dict)
    query: str = ""


def frames(rate: int, milliseconds: int) -> list[bytes]:
    """A voice without pauses, in frames."""
    samples = spoken(SENTENCE, rate)
    samples = samples[numpy.abs(samples) > 0]
    size = rate * milliseconds // 1000
    return [samples[start : start + size].tobytes() for start in range(0, len(samples) - size, size)]


def repeated(messages: list) -> typing.Callable:
    return lambda number: messages[number % len(messages)]


CARRIERS = {kind.path: kind for kind in (TwilioCall, TelnyxCall, PlivoCall, ExotelCall, AwaazCall, VonageCall)}
PATHS = ["/ws", "/v1/conversation/ws", *CARRIERS, "/xiaozhi/v1", "/v1/realtime"]


def form(path: str, index: int) -> Form:
    """How client number `index` speaks there."""
    if path in CARRIERS:
        call = CARRIERS[path](0, {})
        voice = frames(call.rate, 20)

        def numbered(number: int):
            call._chunk = number + 1
            message = call.media(voice[number % len(voice)])
            return message if isinstance(message, bytes) else json.dumps(message)

        return Form(path, [json.dumps(message) for message in call.opening()], numbered, 0.02)
    if path == "/xiaozhi/v1":
        encoder = opuslib.Encoder(16_000, 1, "voip")
        format = {"format": "opus", "sample_rate": 16_000, "channels": 1, "frame_duration": 60}
        opening = [{"type": "hello", "version": 1, "features": {}, "transport": "websocket", "audio_params": format},
                   {"type": "listen", "state": "start", "mode": "auto"}]
        device = {"Protocol-Version": "1", "Device-Id": f"00:22:44:66:88:{index:02x}", "Client-Id": f"c-{index}"}
        sound = [encoder.encode(frame, 960) for frame in frames(16_000, 60)]
        return Form(path + "/", [json.dumps(message) for message in opening], repeated(sound), 0.06, device)
    if path == "/v1/realtime":
        sound = [base64.b64encode(frame).decode() for frame in frames(24_000, 40)]
        appended = [json.dumps({"type": "input_audio_buffer.append", "audio": data}) for data in sound]
        return Form(path, [], repeated(appended), 0.04)
    # Old frontends send whole recordings, which are played in real time; live, they send binary messages and get WAV files.
    query = "output_framing=wav" if path == "/v1/conversation/ws" else ""
    return Form(path, [], repeated(frames(16_000, 20)), 0.02, query=query)


class Caller:
    def __init__(self, port: int, form: Form, room: int, place: int) -> None:
        parameters = f"room=r{room}&identity=c{room}-{place}&agent=&{form.query}"
        self.url, self.form = f"ws://127.0.0.1:{port}{form.path}?{parameters}", form
        self.heard = 0

    async def run(self) -> None:
        async with websockets.connect(self.url, compression=None, additional_headers=self.form.headers) as socket:
            for message in self.form.opening:
                await socket.send(message)
            await asyncio.gather(self._speak(socket), self._listen(socket))

    async def _speak(self, socket) -> None:
        clock, number = asyncio.get_running_loop(), 0
        due = clock.time()
        while True:
            await socket.send(self.form.sound(number))
            number += 1
            due += self.form.seconds
            await asyncio.sleep(max(0, due - clock.time()))

    async def _listen(self, socket) -> None:
        async for message in socket:
            # Sound is long, whatever it is wrapped in.
            if isinstance(message, bytes) or len(message) > 200:
                self.heard += 1


def cpu_seconds(process: int) -> float:
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(room: RoomServer, path: str, rooms: int, seconds: float) -> tuple[float, bool]:
    """CPU ms a session and second, and whether everybody has heard somebody."""
    gateway = await Gateway(LIVEKIT_URL=room.url, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET).start()
    callers = [Caller(gateway.port, form(path, 2 * number + place), number, place)
               for number in range(rooms) for place in range(2)]
    tasks = [asyncio.create_task(caller.run()) for caller in callers]
    try:
        # The codecs run, and nobody connects any more.
        await asyncio.sleep(5)
        heard, before = [caller.heard for caller in callers], cpu_seconds(gateway.process.pid)
        await asyncio.sleep(seconds)
        used = cpu_seconds(gateway.process.pid) - before
        is_heard = all(caller.heard > count for caller, count in zip(callers, heard))
        return used / len(callers) / seconds * 1000, is_heard and not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await gateway.stop()


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rooms", type=int, default=5, help="with two clients each")
    parser.add_argument("--seconds", type=float, default=15, help="that are measured of each dialect")
    parser.add_argument("--only", choices=PATHS[1:], metavar="PATH", help="beside /ws")
    arguments = parser.parse_args()
    paths = ["/ws", arguments.only] if arguments.only else PATHS
    room = await RoomServer().start()
    base, is_good = math.nan, True
    print("| path | CPU ms a session and second | ÷ raw PCM at `/ws` |\n| --- | --- | --- |", flush=True)
    try:
        for path in paths:
            used, is_valid = await measure(room, path, arguments.rooms, arguments.seconds)
            if path == "/ws":
                base = used
            is_good = is_good and is_valid
            remark = "" if is_valid else " not valid: somebody heard nothing"
            print(f"| `{path}` | {used:.1f} | {used / base:.2f} |{remark}", flush=True)
    finally:
        await room.stop()
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
