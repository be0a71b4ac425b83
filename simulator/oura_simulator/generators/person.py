"""The person with the ring: body, home, habits, trips, and days without the ring."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from oura_simulator.generators import ids, noise
from oura_simulator.generators.instants import HOUR, MINUTE, at

if TYPE_CHECKING:
    from random import Random

DESTINATIONS = (
    "America/New_York",
    "Europe/London",
    "Asia/Tokyo",
    "America/Denver",
    "Asia/Dubai",
    "Australia/Perth",
    "Pacific/Honolulu",
    "America/Santiago",
    "Asia/Kathmandu",
)
# With the days below, never half a year without a journey.
TRIP_EVERY = 120
# Farther flights would give activity days of a few hours in which two nights overlap.
FARTHEST_FLIGHT = 9 * HOUR


class Person:
    """Account `number` of a seed. Everything about it follows from the two and its home zone."""

    def __init__(self, seed: int, number: int, home: str) -> None:
        self.seed = seed
        self.number = number
        self.name = f"user-{number}"
        self.home = ZoneInfo(home)
        rng = noise.stream(seed, number, "person")
        self.sex = rng.choice(("male", "female"))
        self.age = rng.randint(22, 68)
        self.height = round(rng.gauss(1.78 if self.sex == "male" else 1.66, 0.07), 2)
        self.weight = round(self.height**2 * rng.uniform(20, 28), 1)
        self.resting_bpm = rng.randint(46, 62)
        self.hrv = rng.randint(25, 85)
        self.bedtime = rng.randint(-90, -5) * MINUTE
        self.sleep_need = rng.randint(430, 480) * MINUTE
        self.training_days = frozenset(rng.sample(range(7), rng.randint(3, 4)))
        self.walks = rng.uniform(0.7, 1.3)
        self._phase = rng.randrange(1000)

    def draw(self, topic: str, day: date) -> float:
        return noise.draw(self.seed, self.number, topic, day.toordinal())

    def stream(self, topic: str, day: date) -> Random:
        return noise.stream(self.seed, self.number, topic, day.toordinal())

    def happens(self, topic: str, day: date, every: int) -> bool:
        """True on exactly one day of each block of `every` days: rare, irregular, and sure to come."""
        block, offset = divmod(day.toordinal() + self._phase, every)
        return offset == _chosen(self.seed, self.number, topic, block, every)

    def id(self, collection: str, day: date, position: int = 0) -> str:
        return ids.encode(self.seed, ids.Address(self.number, collection, day, position))

    def zone(self, day: date) -> ZoneInfo:
        """Where the person wakes up on that day."""
        first, last, destination = _trip(self, (day.toordinal() + self._phase) // TRIP_EVERY)
        return destination if first <= day <= last else self.home

    def at(self, day: date, seconds: float) -> int:
        return at(self.zone(day), day, seconds)

    def flies(self, day: date) -> bool:
        """True on the day that ends in another zone than it began in."""
        return self.zone(day) is not self.zone(day + timedelta(days=1))

    def activity_day(self, day: date) -> tuple[int, int]:
        """From 04:00 to 04:00 of the clock where the person is; 23 or 25 hours when clocks change, more when flying."""
        return self.at(day, 4 * HOUR), self.at(day + timedelta(days=1), 4 * HOUR)

    def wears_at_night(self, day: date) -> bool:
        """Whether the ring was on in the night that ends on `day`."""
        return not (self.is_away(day) or self.happens("night without ring", day, 19))

    def wears_by_day(self, day: date) -> bool:
        return not (self.is_away(day) or self.happens("day without ring", day, 37))

    def is_away(self, day: date) -> bool:
        """The ring was forgotten for up to three days: nothing at all is known about them."""
        return any(self.happens("drawer", day - timedelta(days=back), 47 + 4 * back) for back in range(3))


@lru_cache(maxsize=65536)
def _chosen(seed: int, number: int, topic: str, block: int, every: int) -> int:
    return int(noise.draw(seed, number, topic, block) * every)


@lru_cache(maxsize=4096)
def _trip(person: Person, block: int) -> tuple[date, date, ZoneInfo]:
    rng = noise.stream(person.seed, person.number, "trip", block)
    first = date.fromordinal(block * TRIP_EVERY + rng.randint(15, 60) - person._phase)
    last = first + timedelta(days=rng.randint(4, 12))
    home = at(person.home, first, 12 * HOUR)
    for name in rng.sample(DESTINATIONS, len(DESTINATIONS)):
        if 2 * HOUR <= abs(at(ZoneInfo(name), first, 12 * HOUR) - home) <= FARTHEST_FLIGHT:
            break
    return first, last, ZoneInfo(name)


@lru_cache(maxsize=16384)
def person(seed: int, number: int, home: str) -> Person:
    return Person(seed, number, home)
