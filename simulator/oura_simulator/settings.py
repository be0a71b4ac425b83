"""The settings of a simulator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

DEFAULT_ZONES = (
    "Europe/Helsinki",
    "America/Los_Angeles",
    "Pacific/Auckland",
    "UTC",
    "Asia/Kolkata",
    "America/Sao_Paulo",
    "Australia/Sydney",
)
SERIES_PAGE = 1000
DOCUMENT_PAGE = 50


@dataclass(frozen=True)
class Settings:
    """Accounts are numbered from 1 and live in `timezones`, dealt round.

    `days` is how much history exists before today; `today` fixes the clock (None: the real one); `page_size` overrides
    the page sizes of all collections.
    """

    accounts: int = 2
    seed: int = 1
    days: int = 730
    latency_ms: int = 0
    page_size: int | None = None
    today: datetime | None = None
    timezones: tuple[str, ...] = DEFAULT_ZONES

    def first_day(self, now: datetime) -> date:
        return now.date() - timedelta(days=self.days)


def parse_instant(text: str) -> datetime:
    """A date means noon UTC of that day; an instant without an offset is UTC. Raises ValueError for anything else."""
    if len(text) == 10:
        return datetime.combine(date.fromisoformat(text), time(12), UTC)
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
