"""The measure of rolling_update.py tells what is missing from a recording and what comes twice. Needs no gateway."""

import numpy
import pytest

from support.chirp import PERIOD, Chirp, gaps, repeated

RATE = 16_000


@pytest.fixture(scope="module")
def whole() -> numpy.ndarray:
    """Longer than a period, so that the pitch begins anew in it."""
    return Chirp(RATE).next(PERIOD + 3)


def seconds(count: float) -> int:
    return round(count * RATE)


def test_nothing_is_missing_from_the_whole_tone_whatever_pauses_are_in_it(whole):
    pause = numpy.zeros(seconds(0.7), dtype=numpy.int16)
    with_pauses = numpy.concatenate([pause, whole[: seconds(4)], pause, whole[seconds(4) :]])
    assert gaps(whole, RATE) == [] and repeated(whole, RATE) == 0
    assert gaps(with_pauses, RATE) == [] and repeated(with_pauses, RATE) == 0


@pytest.mark.parametrize("begin", [2.0, PERIOD - 0.15])
def test_what_was_cut_out_is_missing(whole, begin):
    cut = numpy.concatenate([whole[: seconds(begin)], whole[seconds(begin + 0.3) :]])
    [(at, missing)] = gaps(cut, RATE)
    assert abs(at - begin) < 0.1 and abs(missing - 0.3) < 0.03
    assert repeated(cut, RATE) == 0


def test_what_comes_twice_is_told(whole):
    twice = numpy.concatenate([whole[: seconds(3)], whole[seconds(2.5) : seconds(6)]])
    assert gaps(twice, RATE) == [] and abs(repeated(twice, RATE) - 0.5) < 0.03
