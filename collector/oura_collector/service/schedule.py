"""When the next run is due: plain arithmetic over a clock that only ever goes forward."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

JITTER = 0.05
"""Share of the interval by which a run may be early or late, so that many collectors do not ask Oura all at once."""

MOST_JITTER = 30.0
FIRST_RETRY = 60.0
LONGEST_RETRY = 900.0
"""Seconds. Where the interval is longer, a retry waits no longer than that."""


def since_boot() -> float:
    """Seconds that no change of the wall clock moves and that count the time a laptop slept, where the system can."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Schedule:
    """One run at once, then one every `interval` seconds, counted from start to start.

    After a failure that may pass, the next attempt comes sooner and each further one twice as late, up to the interval
    (or a quarter of an hour, where the interval is shorter). A failure that needs a person changes nothing.
    """

    def __init__(
        self, interval: float, clock: Callable[[], float] = since_boot, chance: Callable[[], float] = random.random
    ) -> None:
        self._interval, self._clock, self._chance = interval, clock, chance
        self._started = self._due = clock()
        self._failures = 0

    def seconds_left(self) -> float:
        """Seconds until the next run is due, never below zero."""
        return max(0.0, self._due - self._clock())

    def started(self) -> None:
        self._started = self._clock()

    def ended(self, *, try_soon: bool) -> None:
        """Plan the next run. `try_soon` says that this one failed in a way that may pass."""
        self._failures = self._failures + 1 if try_soon else 0
        if try_soon:
            self._due = self._clock() + self._jittered(self._retry())
        else:
            self._due = self._started + self._jittered(self._interval)

    def _retry(self) -> float:
        doubled = min(FIRST_RETRY, self._interval) * 2.0 ** min(self._failures - 1, 20)
        return min(doubled, max(self._interval, LONGEST_RETRY))

    def _jittered(self, seconds: float) -> float:
        return seconds + min(seconds * JITTER, MOST_JITTER) * (2 * self._chance() - 1)
