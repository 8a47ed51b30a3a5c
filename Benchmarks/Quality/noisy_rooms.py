"""What becomes of background noise that the gateway leaves out: Silero's verdict on what a listener of the official SDK hears,
beside its verdict on what was said.

    VOICE_GATEWAY=.build/release/VoiceGateway .venv/bin/python Benchmarks/Quality/noisy_rooms.py

runs in real time with the packages of the interop tests and those of requirements.txt, a quarter of a minute for each row. A turn detector
goes by where speech begins and ends, so those are compared, besides how much of the first 40 ms of each word after a pause arrives.
"""

import argparse
import asyncio
import sys
from pathlib import Path

import numpy

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests/Interop"))

import corpus  # noqa: E402
from livekit.plugins.silero import onnx_model  # noqa: E402
from support import ears  # noqa: E402
from support.client import VoiceClient  # noqa: E402
from support.processes import KEY, SECRET, Gateway, RoomServer  # noqa: E402
from support.sdk_client import RATE, Client  # noqa: E402

HZ = ears.RATE
# As livekit-agents has it.
WINDOW = 512
THRESHOLD = 0.5
SHORTEST_SILENCE = 0.25


def segments(samples):
    """Where Silero hears speech: (begin, end) in seconds."""
    model = onnx_model.OnnxModel(
        onnx_session=onnx_model.new_inference_session(True), sample_rate=HZ)
    found, last = [], None
    for start in range(0, len(samples) - WINDOW, WINDOW):
        if model(samples[start : start + WINDOW].astype(numpy.float32) / 32768) < THRESHOLD:
            continue
        time = start / HZ
        if last is None or time - last > SHORTEST_SILENCE:
            found.append([time, time])
        last = found[-1][1] = time + WINDOW / HZ
    return found


def scene(kind, decibels):
    """Three sentences with pauses in a room, and where each begins, in samples."""
    pieces, onsets, at = [numpy.zeros(HZ // 2)], [], HZ // 2
    for voice in range(3):
        sentence = corpus.level(corpus.synthetic_sentence(voice, HZ), 3000)
        loud = numpy.flatnonzero(numpy.abs(sentence) > 300)
        sentence = sentence[loud[0] : loud[-1]]
        onsets.append(at)
        pieces += [sentence, numpy.zeros(HZ * 3 // 2)]
        at += len(sentence) + HZ * 3 // 2
    clean = numpy.concatenate(pieces)
    if kind == "none":
        return corpus.whole(clean), onsets
    return corpus.whole(corpus.in_noise(clean, kind, decibels, HZ, corpus.synthetic(HZ))), onsets


def rms(sound):
    return numpy.sqrt(numpy.mean(sound.astype(float) ** 2))


async def listened(samples):
    """What a listener hears of it, in a call in which somebody has spoken before."""
    server = await RoomServer().start()
    gateway = await Gateway(LIVEKIT_URL=server.url, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET).start()
    try:
        async with Client(server, "room", "listener") as listener:
            async with VoiceClient(gateway.url, room="room", identity="caller", agent="") as caller:
                await listener.event("track_subscribed", timeout=20)
                await caller.speak(corpus.whole(corpus.level(corpus.synthetic_sentence(3, HZ), 3000)))
                await caller.speak(numpy.zeros(HZ, numpy.int16))
                listener.forget_sound()
                await caller.speak(numpy.concatenate([samples, numpy.zeros(HZ, numpy.int16)]))
                sound = numpy.concatenate([part for _, part in listener.sound["caller"]])
                return ears.at_16_khz(sound, RATE)
    finally:
        await gateway.stop()
        await server.stop()


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="*", default=["none", "white", "car", "babble"])
    parser.add_argument("--decibels", type=int, nargs="*", default=[25, 15, 5])
    options = parser.parse_args()
    print("| room | speech heard in, said / arrived | begins later by, ms | ends later by, ms | first 40 ms |")
    print("| --- | --- | ---: | ---: | ---: |")
    for kind in options.kinds:
        for decibels in options.decibels if kind != "none" else [0]:
            said, onsets = scene(kind, decibels)
            heard = await listened(said)
            # The listener's own buffer may stretch a pause, so each sentence is found by itself.
            shifts = [ears.place(said[onset : onset + HZ], heard)[0] - onset for onset in onsets]
            own, other = segments(said), segments(heard)
            begins, ends, first = ["–"], ["–"], []
            for onset, shift in zip(onsets, shifts):
                piece = slice(onset, onset + HZ * 40 // 1000)
                first.append(rms(heard[piece.start + shift : piece.stop + shift]) / rms(said[piece]))
            if len(own) == len(other) == len(onsets):
                begins = [f"{(b[0] - a[0]) * 1000 - shift / 16:.0f}" for a, b, shift in zip(own, other, shifts)]
                ends = [f"{(b[1] - a[1]) * 1000 - shift / 16:.0f}" for a, b, shift in zip(own, other, shifts)]
            room = kind if kind == "none" else f"{kind}, {decibels} dB"
            print(f"| {room} | {len(own)} / {len(other)} | {', '.join(begins)} | {', '.join(ends)} |"
                  f" {', '.join(f'{share:.0%}' for share in first)} |", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
