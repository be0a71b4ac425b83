"""The simulator's idea of now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """The real time until it is set; then the set instant, standing still."""

    def __init__(self, now: Callable[[], datetime] | datetime | None = None) -> None:
        self._source: Callable[[], datetime] = now if callable(now) else lambda: datetime.now(UTC)
        self._start = None if callable(now) else now
        self._set = self._start

    def now(self) -> datetime:
        return self._set or self._source()

    def epoch(self) -> int:
        return int(self.now().timestamp())

    def set(self, now: datetime | None) -> None:
        """None gives the clock back to real time."""
        self._set = now

    def reset(self) -> None:
        self._set = self._start
