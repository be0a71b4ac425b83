"""When the person is asleep: the periods of a day, before any detail of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from oura_simulator.generators.instants import HOUR, MINUTE

if TYPE_CHECKING:
    from oura_simulator.generators.person import Person

LATEST_END = 9 * HOUR + 40 * MINUTE
# From the end of a nap until the phone has it confirmed and sent.
NAP_DELAY = 90 * MINUTE


@dataclass(frozen=True)
class Period:
    """A sleep period: epoch seconds, Oura's `type`, and its place among the day's periods."""

    start: int
    end: int
    type: str
    position: int

    @property
    def counts(self) -> bool:
        return self.type in ("long_sleep", "sleep", "late_nap")


@lru_cache(maxsize=4096)
def periods(person: Person, day: date) -> tuple[Period, ...]:
    """The sleep periods that belong to `day`, in the order in which they began."""
    return tuple(sorted(_night(person, day) + _by_day(person, day), key=lambda period: period.start))


def _night(person: Person, day: date) -> list[Period]:
    if not person.wears_at_night(day):
        return []
    rng = person.stream("night", day)
    is_weekend = day.weekday() >= 5
    bed = person.bedtime + (55 * MINUTE if is_weekend else 0) + int(rng.gauss(0, 22)) * MINUTE
    bed = max(-2 * HOUR, min(bed, 75 * MINUTE))
    length = person.sleep_need + (40 * MINUTE if is_weekend else 0) + int(rng.gauss(0, 34)) * MINUTE
    # Seconds of their own, so that nobody comes to rely on full minutes.
    start = person.at(day, bed) + rng.randrange(0, MINUTE)
    if person.happens("two long sleeps", day, 24):
        first = start - max(0, bed) + rng.randint(190, 215) * MINUTE
        second = first + rng.randint(50, 80) * MINUTE
        night = [
            Period(start - max(0, bed), first, "long_sleep", 0),
            Period(second, second + rng.randint(185, 220) * MINUTE, "long_sleep", 1),
        ]
    else:
        end = start + max(5 * HOUR, min(length, LATEST_END - bed))
        night = [Period(start, end - (end - start) % 30, "long_sleep", 0)]
    yesterday = day - timedelta(days=1)
    if person.happens("late nap", day, 26) and person.wears_by_day(yesterday) and not person.flies(yesterday):
        nap = person.at(yesterday, 17 * HOUR + 35 * MINUTE)
        night.append(Period(nap, nap + rng.randint(30, 45) * MINUTE, "late_nap", 2))
    return night


def _by_day(person: Person, day: date) -> list[Period]:
    if not person.wears_by_day(day) or person.flies(day):
        return []
    rng = person.stream("nap", day)
    found = []
    if rng.random() < (0.2 if day.weekday() >= 5 else 0.06) or person.happens("nap", day, 14):
        start = person.at(day, 13 * HOUR + rng.randint(30, 60) * MINUTE)
        found.append(Period(start, start + rng.randint(20, 70) * MINUTE, "sleep", 3))
    if person.happens("rest", day, 17):
        start = person.at(day, 15 * HOUR + 30 * MINUTE)
        found.append(Period(start, start + rng.randint(16, 40) * MINUTE, "rest", 4))
    if person.happens("deleted sleep", day, 28):
        start = person.at(day, 11 * HOUR + 20 * MINUTE)
        found.append(Period(start, start + rng.randint(16, 38) * MINUTE, "deleted", 5))
    return found


@lru_cache(maxsize=4096)
def opens_app(person: Person, day: date) -> int:
    """When the night reaches Oura: the app is first opened in the middle of the morning."""
    rng = person.stream("app", day)
    morning = person.at(day, rng.randint(8 * 60 + 30, 11 * 60) * MINUTE)
    nights = [period.end for period in periods(person, day) if period.type == "long_sleep"]
    return max([morning, *(end + 10 * MINUTE for end in nights)])
