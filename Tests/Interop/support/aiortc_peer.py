"""aiortc on loopback: a tone to send, an ear, and data channels."""
import asyncio
import fractions
import time

import aioice.ice
import av
import numpy
from aiortc import MediaStreamTrack

# aioice leaves loopback out; the tests must not depend on what other interfaces there are.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]

RATE = 48_000


class Tone(MediaStreamTrack):
    """A sine of 20 ms frames in real time."""

    kind = "audio"

    def __init__(self, frequency, amplitude=10_000):
        super().__init__()
        self.frequency, self.amplitude, self.position, self.start = frequency, amplitude, 0, None

    async def recv(self):
        if self.start is None:
            self.start = time.monotonic()
        await asyncio.sleep(max(0, self.start + self.position / RATE - time.monotonic()))
        index = self.position + numpy.arange(960)
        samples = (self.amplitude * numpy.sin(2 * numpy.pi * self.frequency * index / RATE)).astype(numpy.int16)
        # In stereo, because aiortc sends stereo and would lower a mono tone by 3 dB.
        frame = av.AudioFrame.from_ndarray(samples.repeat(2).reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self.position, fractions.Fraction(1, RATE)
        self.position += 960
        return frame


class Ear:
    """Takes frames of a track until it ends."""

    def __init__(self, track):
        self.samples = []
        self.rate = RATE
        self.task = asyncio.create_task(self._listen(track))

    async def _listen(self, track):
        try:
            while True:
                frame = await track.recv()
                self.rate = frame.sample_rate
                channels = len(frame.layout.channels)
                self.samples.append(frame.to_ndarray().reshape(-1, channels)[:, 0].astype(float))
        except Exception:  # the track's end
            pass

    def heard(self, seconds=1.0):
        """Frequency in Hz and peak amplitude of the strongest tone in the last `seconds`."""
        pcm = numpy.concatenate(self.samples)[-int(seconds * self.rate):]
        spectrum = numpy.abs(numpy.fft.rfft(pcm * numpy.hanning(len(pcm))))
        strongest = int(spectrum.argmax())
        return strongest * self.rate / len(pcm), spectrum[strongest] * 4 / len(pcm)
