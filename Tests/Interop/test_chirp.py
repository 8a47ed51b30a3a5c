"""The measures of rolling_update.py and faults.py tell what is missing from a recording, what comes twice and how late it is. They
need no gateway."""

import numpy
import pytest

from support.chirp import PERIOD, Chirp, gaps, repeated
from support.chirp_delay import STEP, Heard

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


def in_pieces(samples, start, late=lambda second: 0.1):
    """Pieces of 20 ms with the moments in which they come."""
    size = RATE // 50
    return [(start + (at + size) / RATE + late(at / RATE), samples[at : at + size]) for at in range(0, len(samples), size)]


def test_what_never_came_is_told_by_when_it_was_said():
    whole = Chirp(RATE).next(40)
    with_gap = whole.copy()
    with_gap[10 * RATE : 27 * RATE] = 0
    heard = Heard(in_pieces(with_gap, 1000), RATE, [1000 + step * STEP for step in range(400)])
    assert heard.lost(1002, 1038) == pytest.approx(17, abs=0.1)
    assert heard.lost(1028, 1038) < 0.05


def test_what_comes_late_is_not_lost():
    samples = Chirp(RATE).next(30)
    heard = Heard(
        in_pieces(samples, 50, lambda second: 0.1 if second < 15 else 8.1), RATE, [50 + step * STEP for step in range(300)])
    assert heard.lost(52, 75) < 0.05
    assert heard.delay(60, 64) == pytest.approx(0.1, abs=0.05)
    assert heard.delay(80, 85) == pytest.approx(8.1, abs=0.05)
    assert heard.delay(120, 130) is None
