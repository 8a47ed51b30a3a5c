"""A tone whose pitch tells the time: whoever has recorded a part of it knows which part, and what is missing or comes twice."""

import numpy

LOWEST = 600.0
HERTZ_PER_SECOND = 200.0
#: Then the pitch begins at the lowest again.
PERIOD = 12.0

WINDOW = 0.06
HOP = 0.01


class Chirp:
    """The tone in pieces, each going on where the one before ended."""

    def __init__(self, rate: int, level: float = 0.25) -> None:
        self.rate, self.level = rate, level
        self._sample, self._phase = 0, 0.0

    def next(self, seconds: float) -> numpy.ndarray:
        """16-bit samples."""
        at = numpy.arange(self._sample, self._sample + round(seconds * self.rate)) / self.rate
        phases = self._phase + 2 * numpy.pi * numpy.cumsum(LOWEST + HERTZ_PER_SECOND * (at % PERIOD)) / self.rate
        self._sample += len(at)
        self._phase = float(phases[-1] % (2 * numpy.pi))
        return (numpy.sin(phases) * self.level * 32767).astype(numpy.int16)


def times(samples: numpy.ndarray, rate: int) -> list[tuple[float, float]]:
    """(where it is in the recording, which part of the tone it is), both in seconds and for the middle of a window. What is
    silent, or not a tone alone, is left out. The parts count on from period to period as long as less than half of one is
    missing."""
    size, hop, padded = round(WINDOW * rate), round(HOP * rate), 4 * round(WINDOW * rate)
    shape = numpy.hanning(size)
    found: list[tuple[float, float]] = []
    for start in range(0, len(samples) - size, hop):
        piece = samples[start : start + size].astype(float)
        if numpy.abs(piece).max() < 1000:
            continue
        power = numpy.abs(numpy.fft.rfft(piece * shape, padded)) ** 2
        peak = int(numpy.argmax(power[1:-1])) + 1
        # Two tones, or one that begins or ends, fill more than this.
        if power[max(0, peak - 8) : peak + 9].sum() < 0.95 * power.sum():
            continue
        left, middle, right = numpy.log(power[peak - 1 : peak + 2])
        hertz = (peak + 0.5 * (left - right) / (left - 2 * middle + right)) * rate / padded
        at, part = (start + size / 2) / rate, (hertz - LOWEST) / HERTZ_PER_SECOND
        if not -0.1 < part < PERIOD + 0.1:
            continue
        if found:
            expected = found[-1][1] + at - found[-1][0]
            part += PERIOD * round((expected - part) / PERIOD)
        found.append((at, part))
    return found


def gaps(samples: numpy.ndarray, rate: int, least: float = 0.04) -> list[tuple[float, float]]:
    """(where in the recording, how many seconds of the tone are missing there), for parts of at least `least` seconds that are
    nowhere in it. Up to 0.02 s of it are the measure's own."""
    missing = []
    until = None
    for part, at in sorted((part, at) for at, part in times(samples, rate)):
        if until is not None and part - WINDOW / 2 - until >= least:
            missing.append((at, part - WINDOW / 2 - until))
        until = max(part + WINDOW / 2, until or 0)
    return missing


def repeated(samples: numpy.ndarray, rate: int) -> float:
    """How many seconds of the tone come again after they have been heard."""
    again, last = 0.0, None
    for _, part in times(samples, rate):
        if last is not None and last - part > WINDOW:
            again += last - part + WINDOW
        last = part
    return again
