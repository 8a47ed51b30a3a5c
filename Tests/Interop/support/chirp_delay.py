"""What became of a chirp on its way: which parts of it never came, and how late the others were."""

import numpy

from support.chirp import PERIOD, WINDOW, times

#: The pieces in which the tone is said, in seconds. What is later than its period is taken for something earlier.
STEP = 0.1
#: A shorter gap is the measure's own.
LEAST = 0.04


class Heard:
    """Of a recording in pieces with the moments in which they came: when each part was said, and when it was heard."""

    def __init__(self, pieces: list[tuple[float, numpy.ndarray]], rate: int, said: list[float]) -> None:
        """`said`: when each `STEP` of the chirp was said, by the clock of the pieces."""
        self.parts: list[tuple[float, float]] = []
        if not pieces:
            return
        ends = numpy.cumsum([len(samples) for _, samples in pieces])
        moments = [moment for moment, _ in pieces]
        positions = numpy.arange(len(said)) * STEP
        for at, part in times(numpy.concatenate([samples for _, samples in pieces]), rate):
            moment = moments[min(int(numpy.searchsorted(ends, at * rate)), len(moments) - 1)]
            # Which period it is of: the last one that had been said by then.
            newest = float(numpy.interp(moment, said, positions)) + STEP
            position = part % PERIOD + PERIOD * ((newest - part % PERIOD) // PERIOD)
            self.parts.append((float(numpy.interp(position, positions, said)) + position % STEP, moment))

    def lost(self, since: float, until: float) -> float:
        """Seconds of what was said in that time that never came."""
        missing, covered = 0.0, since + WINDOW
        for said in sorted(said for said, _ in self.parts if since <= said <= until) + [until + WINDOW]:
            if said - WINDOW / 2 - covered >= LEAST:
                missing += said - WINDOW / 2 - covered
            covered = max(covered, said + WINDOW / 2)
        return missing

    def delay(self, since: float, until: float) -> float | None:
        """How many seconds what came in that time was under way, the median; None if nothing came."""
        found = [heard - said for said, heard in self.parts if since <= heard <= until]
        return float(numpy.median(found)) if found else None

    def first(self) -> float | None:
        """When the first part was heard."""
        return min((heard for _, heard in self.parts), default=None)
