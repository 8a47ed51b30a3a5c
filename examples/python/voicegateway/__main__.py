"""Talks to a gateway from the command line: python -m voicegateway ws://127.0.0.1:3000/ws --text hello"""

from __future__ import annotations

import argparse
import asyncio
import sys
import wave
from urllib.parse import urlencode

from . import AgentState, Audio, Call, CallEnded, Error, Event, Session, Transcript, Warning

#: The reply is over when there was no sound for so long, in seconds.
QUIET = 1.5


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m voicegateway", description=__doc__)
    parser.add_argument("url", help="ws://HOST:PORT/ws")
    parser.add_argument("--key", help="an API key")
    parser.add_argument("--access-token", help="a LiveKit access token")
    parser.add_argument("--play", metavar="FILE", help="a WAV file (16 bits, mono) to say")
    parser.add_argument("--text", action="append", default=[], help="type this to the agent; may be repeated")
    parser.add_argument("--record", metavar="FILE", help="write what the agent says, as WAV")
    parser.add_argument("--param", metavar="NAME=VALUE", action="append", default=[], help="a session parameter")
    parser.add_argument("--seconds", type=float, default=30, help="hang up after so long without a reply (30)")
    return parser.parse_args()


def read(path: str) -> tuple[bytes, int]:
    with wave.open(path) as file:
        if file.getsampwidth() != 2 or file.getnchannels() != 1:
            sys.exit(f"{path} is not 16-bit mono: convert it, for example with sox {path} -b 16 -c 1 out.wav")
        return file.readframes(file.getnframes()), file.getframerate()


def show(event: Event) -> None:
    match event:
        case Audio():
            return
        case Transcript(role, content, final):
            print(f"{role:10} {content}{'' if final else ' …'}", flush=True)
        case AgentState(state):
            print(f"{'state':10} {state}", flush=True)
        case Session(_, room, identity):
            print(f"{'session':10} room {room}, as {identity}", flush=True)
        case Error(code, message) | Warning(code, message):
            print(f"{code:10} {message}", file=sys.stderr, flush=True)
        case _:
            print(f"{type(event).__name__.lower():10} {event}", flush=True)


async def talk(options: argparse.Namespace) -> int:
    """0 when a reply has come, 1 when the call failed, 3 when nobody answered."""
    sound, rate = read(options.play) if options.play else (b"", 16_000)
    parameters: dict[str, str] = dict(pair.split("=", 1) for pair in options.param)
    url = options.url + ("?" + urlencode(parameters) if parameters else "")
    reply = bytearray()
    spoken: asyncio.Task[None] | None = None
    async with Call(url, key=options.key, access_token=options.access_token, sample_rate=rate) as call:

        async def say() -> None:
            for text in options.text:
                await call.send_text(text)
            await call.speak(sound, bytes_per_second=2 * rate)
            await call.end_turn()

        events = call.__aiter__()
        said = False
        while True:
            try:
                event = await asyncio.wait_for(anext(events), QUIET if said and reply else options.seconds)
            except (TimeoutError, StopAsyncIteration):
                break
            show(event)
            if isinstance(event, AgentState) and event.state in ("listening", "idle") and spoken is None:
                spoken = asyncio.create_task(say())
            if isinstance(event, Audio) and spoken is not None and spoken.done():
                said = True
                reply += event.data
    if options.record:
        with wave.open(options.record, "wb") as file:
            file.setparams((1, 2, int(parameters.get("output_sample_rate", 24_000)), 0, "NONE", ""))
            file.writeframes(bytes(reply))
    return 0 if reply else 3


def main() -> int:
    try:
        return asyncio.run(talk(arguments()))
    except (CallEnded, OSError) as error:
        print(f"The call failed: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
