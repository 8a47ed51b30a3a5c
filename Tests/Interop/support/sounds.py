"""Sounds for tests as numpy arrays of 16-bit samples, and what can be measured of them."""

import functools
import subprocess

import numpy


@functools.cache
def spoken(sentence: str, rate: int = 16000, words_per_minute: int = 130) -> numpy.ndarray:
    """A sentence as espeak-ng says it, mono, at `rate` Hz."""
    raw = subprocess.run(
        f"espeak-ng -s {words_per_minute} --stdout {sentence!r} |"
        f" sox -t wav - -r {rate} -c 1 -t raw -e signed -b 16 -",
        shell=True,
        check=True,
        capture_output=True,
    ).stdout
    return numpy.frombuffer(raw, dtype=numpy.int16)


def tone(hertz: float, seconds: float, rate: int = 16000, level: float = 0.5) -> numpy.ndarray:
    at = numpy.arange(int(seconds * rate)) / rate
    return (numpy.sin(2 * numpy.pi * hertz * at) * level * 32767).astype(numpy.int16)


def beeps(hertz: float, seconds: float, rate: int = 16000) -> numpy.ndarray:
    """A tone switched on and off five times a second: Opus takes a steady one for noise after a while."""
    samples = tone(hertz, seconds, rate)
    on = numpy.arange(len(samples)) % (rate // 5) < rate // 10
    return (samples * on).astype(numpy.int16)


def silence(seconds: float, rate: int = 16000) -> numpy.ndarray:
    return numpy.zeros(int(seconds * rate), dtype=numpy.int16)


def loudest_frequency(samples: numpy.ndarray, rate: int) -> float:
    """The strongest frequency in Hz; 0 for silence."""
    if len(samples) == 0 or numpy.abs(samples).max() < 50:
        return 0.0
    spectrum = numpy.abs(numpy.fft.rfft(samples * numpy.hanning(len(samples))))
    return float(numpy.argmax(spectrum) * rate / len(samples))


def level(samples: numpy.ndarray, hertz: float, rate: int) -> float:
    """The amplitude (0 to 1 of full scale) of one frequency in the samples."""
    at = numpy.arange(len(samples)) / rate
    return float(2 * abs(numpy.mean(samples / 32768 * numpy.exp(-2j * numpy.pi * hertz * at))))


def ends_in_tone(samples: numpy.ndarray, hertz: float, rate: int) -> bool:
    """Whether the last second is that tone, unbroken and loud. A sender that the machine starves breaks a tone for a
    while, so whoever waits for it looks again and again."""
    last = samples[-rate:]
    return len(last) == rate and abs(loudest_frequency(last, rate) - hertz) < 5 and level(last, hertz, rate) > 0.3


def audible_seconds(samples: numpy.ndarray, rate: int, threshold: int = 400) -> float:
    """How long it is louder than `threshold`, counted in 20 ms pieces."""
    size = rate // 50
    pieces = samples[: len(samples) // size * size].reshape(-1, size)
    return float((numpy.abs(pieces.astype(numpy.int32)).max(axis=1) > threshold).sum() / 50) if len(pieces) else 0.0
