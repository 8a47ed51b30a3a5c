"""What a listener makes of sound: its words, its pauses, and whether a pause was in the original."""

import pathlib
import re
import sys

import av
import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "agent"))

RATE = 16000
BLOCK = RATE // 200


def at_16_khz(samples: numpy.ndarray, rate: int) -> numpy.ndarray:
    frame = av.AudioFrame.from_ndarray(samples.astype(numpy.int16).reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = rate
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    return numpy.concatenate([part.to_ndarray()[0] for f in (frame, None) for part in resampler.resample(f)])


def plain(sentence: str) -> str:
    return re.sub("[^a-z ]", "", sentence.lower())


def words(samples: numpy.ndarray, sentences: tuple[str, ...]) -> str:
    """The one of the sentences that is heard in samples at 16 kHz; empty if it is none of them."""
    import speech

    # Recorded sound has a little noise; digital silence has nothing to measure loudness against.
    noise = numpy.random.default_rng(1).normal(0, 3, len(samples) + RATE)
    heard = noise + numpy.pad(samples.astype(float), RATE // 2)
    data = numpy.clip(heard, -32768, 32767).astype(numpy.int16).tobytes()
    decoder = speech.decoder(tuple(plain(sentence) for sentence in sentences))
    # The first pass only tells the decoder how loud the speaker is.
    for _ in range(2):
        decoder.start_utt()
        decoder.process_raw(data, False, False)
        decoder.end_utt()
    found = decoder.hyp().hypstr if decoder.hyp() else ""
    return next((sentence for sentence in sentences if plain(sentence) == found), "")


def loud(samples: numpy.ndarray, threshold: int) -> numpy.ndarray:
    """For each 5 ms of samples at 16 kHz whether they are louder than a threshold."""
    blocks = samples[: len(samples) // BLOCK * BLOCK].reshape(-1, BLOCK)
    return numpy.abs(blocks.astype(numpy.int32)).max(axis=1) > threshold


def trimmed(samples: numpy.ndarray, threshold: int = 100) -> numpy.ndarray:
    """From the first loud 5 ms to the last."""
    at = numpy.flatnonzero(loud(samples, threshold))
    return samples[at[0] * BLOCK : (at[-1] + 1) * BLOCK] if len(at) else samples[:0]


def pauses(samples: numpy.ndarray, least_ms: int = 30, threshold: int = 100) -> list[tuple[int, int]]:
    """Begin and end (in samples at 16 kHz) of what is quiet for longer than `least_ms` between loud parts."""
    at = numpy.flatnonzero(loud(samples, threshold))
    return [
        (int(before + 1) * BLOCK, int(after) * BLOCK)
        for before, after in zip(at, at[1:])
        if (after - before - 1) * 5 > least_ms
    ]


def place(part: numpy.ndarray, whole: numpy.ndarray) -> tuple[int, float]:
    """Where in `whole` the samples of `part` fit best, and how well (1: exactly)."""
    part = part.astype(float)
    whole = whole.astype(float)
    size = 1 << (len(part) + len(whole)).bit_length()
    products = numpy.fft.irfft(numpy.fft.rfft(whole, size) * numpy.conj(numpy.fft.rfft(part, size)), size)
    sums = numpy.concatenate([[0], numpy.cumsum(whole**2)])
    energy = sums[len(part) :] - sums[: -len(part)]
    likeness = products[: len(energy)] / numpy.sqrt(numpy.maximum(energy, 1e4) * max((part**2).sum(), 1e-9))
    best = int(likeness.argmax())
    return best, float(likeness[best])


def inserted(played: numpy.ndarray, original: numpy.ndarray, least_ms: int = 30) -> list[tuple[float, float]]:
    """The pauses of `played` that `original` does not have, or has shorter by more than `least_ms`: at which second, and
    how long in ms.

    A pause is looked for between what is said before and after it. Where that is too little to be found again, as
    around a lone consonant, a pause after as much sound counts.
    """
    said = loud(played, 100)
    known = loud(original, 100)
    elsewhere = [((end - begin), known[: begin // BLOCK].sum() * BLOCK) for begin, end in pauses(original, 10)]
    around = RATE // 8
    found = []
    for begin, end in pauses(played, least_ms):
        needed = end - begin - least_ms * RATE // 1000
        before, close_before = place(played[max(0, begin - around) : begin], original)
        behind, close_behind = place(played[end : end + around], original)
        if min(close_before, close_behind) > 0.5 and behind - before - min(begin, around) >= needed:
            continue
        position = said[: begin // BLOCK].sum() * BLOCK
        if any(length >= needed and abs(at - position) < RATE // 10 for length, at in elsewhere):
            continue
        found.append((begin / RATE, (end - begin) * 1000 / RATE))
    return found
