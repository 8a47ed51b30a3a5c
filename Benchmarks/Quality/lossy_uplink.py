"""How a caller sounds to a listener of the official SDK while packets are lost on his way to the room server: through the
gateway, and with an official SDK as the caller over the same network. PESQ-WB against what was said.

    VOICE_GATEWAY=.build/release/VoiceGateway .venv/bin/python Benchmarks/Quality/lossy_uplink.py

runs in real time with the packages of the interop tests and `pesq`, on 127.0.0.1; a minute for each figure of the table.
"""

import argparse
import asyncio
import sys
from pathlib import Path

import numpy

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests/Interop"))

from pesq import pesq  # noqa: E402
from support import ears  # noqa: E402
from support.client import VoiceClient  # noqa: E402
from support.lossy import LossyNetwork  # noqa: E402
from support.processes import KEY, SECRET, Gateway, RoomServer  # noqa: E402
from support.sdk_client import RATE, Client  # noqa: E402
from support.sounds import silence, spoken  # noqa: E402

SENTENCES = (
    "The nearest pharmacy is open until half past nine, and the second one closes at seven.",
    "Please send three boxes to sixteen Chestnut Street before the end of next week.",
    "Which of these flights would be cheaper if I travelled back on Sunday evening?",
)


async def heard(sender: str, loss: float, delay: float, seed: int) -> tuple[list[float], LossyNetwork]:
    """PESQ of each sentence, and the network it came through."""
    server = await RoomServer().start()
    gateway = None
    try:
        async with LossyNetwork(server.port, loss, delay, seed) as network:
            async with Client(server, "lossy", "listener") as listener:
                if sender == "sdk":
                    caller = Client(None, "lossy", "caller", url=network.url)
                else:
                    gateway = await Gateway(
                        LIVEKIT_URL=network.url, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET,
                        THIN_UPLINK=sender == "thin").start()
                    caller = VoiceClient(gateway.url, room="lossy", identity="caller", agent="")
                async with caller:
                    if sender == "sdk":
                        await caller.publish()
                    await listener.event("track_subscribed", timeout=20)

                    async def say(samples):
                        if sender == "sdk":
                            await caller.play(ears_rate(samples))
                        else:
                            await caller.speak(samples)

                    await say(spoken(SENTENCES[0]))
                    scores = []
                    for sentence in SENTENCES:
                        listener.forget_sound()
                        said = spoken(sentence)
                        await say(numpy.concatenate([said, silence(1.5)]))
                        sound = numpy.concatenate([part for _, part in listener.sound["caller"]])
                        sound = ears.at_16_khz(sound, RATE)
                        start, _ = ears.place(said.astype(float), sound.astype(float))
                        scores.append(pesq(ears.RATE, said, sound[max(0, start) : start + len(said) + 1600], "wb"))
                    return scores, network
    finally:
        if gateway:
            await gateway.stop()
        await server.stop()


def ears_rate(samples: numpy.ndarray) -> numpy.ndarray:
    """From 16 to 48 kHz."""
    import av

    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = ears.RATE
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    return numpy.concatenate([part.to_ndarray()[0] for f in (frame, None) for part in resampler.resample(f)])


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loss", type=float, nargs="*", default=[0, 0.05, 0.1])
    parser.add_argument("--delay", type=float, default=0.02, help="each way, in seconds")
    parser.add_argument("--senders", nargs="*", default=["gateway", "thin", "sdk"])
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    print("| caller | loss | PESQ-WB | RTP packets lost | kbit/s that arrived |\n| --- | ---: | ---: | ---: | ---: |")
    for loss in options.loss:
        for sender in options.senders:
            scores, lost, sent, size = [], 0, 0, 0
            for seed in range(options.seeds):
                some, network = await heard(sender, loss, options.delay, seed + 1)
                scores += some
                lost, sent, size = lost + network.lost, sent + network.sent, size + network.bytes
            rate = size * 8 / max(1, sent) / 20
            print(f"| {sender} | {loss:.0%} | {numpy.mean(scores):.2f} ({min(scores):.2f} to {max(scores):.2f}) |"
                  f" {lost} of {sent} | {rate:.0f} |", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
