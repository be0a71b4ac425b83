"""When the next run is due: plain arithmetic over a clock that only ever goes forward."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

JITTER = 0.05
"""Share of the interval by which a run may be early or late, so that collectors do not call Oura all at once."""

MOST_JITTER = 30.0
FIRST_RETRY = 60.0
LONGEST_RETRY = 900.0
"""Seconds that a retry waits at most, or the interval, if that is longer."""


def since_boot() -> float:
    """Return seconds since boot: unaffected by changes of the system time and, where possible, including sleep."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Schedule:
    """One run at once, then one every `interval` seconds, counted from start to start.

    After a transient failure the next attempt comes sooner, and the delay doubles with each further one, up to the
    interval (or 15 minutes, if the interval is shorter). A failure that needs a person changes nothing.
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
        """Plan the next run. `try_soon` means that this one failed transiently."""
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
