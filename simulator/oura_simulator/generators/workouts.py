"""Workouts: a weekly rhythm, and the training load that sleep, readiness and activity answer to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from oura_simulator.generators.instants import HOUR, MINUTE, with_milliseconds
from oura_simulator.generators.item import Item, item

if TYPE_CHECKING:
    from oura_simulator.generators.person import Person

# Latest first: a workout at 20:40 west of Greenwich is one whose UTC date is the next day.
STARTS = (20 * HOUR + 40 * MINUTE, 18 * HOUR + 45 * MINUTE, 10 * HOUR)
ACTIVITIES = {
    "running": ("hard", 9.5, 170),
    "cycling": ("moderate", 7.0, 350),
    "strength_training": ("moderate", 5.0, 0),
    "walking": ("easy", 3.5, 90),
    "yoga": ("easy", 2.5, 0),
    "swimming": ("hard", 8.0, 40),
}
SOURCES = ("confirmed", "autodetected", "workout_heart_rate", "manual")


@dataclass(frozen=True)
class Workout:
    """One workout: epoch seconds, MET, metres per minute (0: an activity that covers no ground)."""

    start: int
    end: int
    activity: str
    intensity: str
    met: float
    pace: int
    source: str

    @property
    def load(self) -> float:
        return (self.end - self.start) / MINUTE * (self.met - 2)


@lru_cache(maxsize=4096)
def workouts(person: Person, day: date) -> tuple[Workout, ...]:
    """The day's workouts, earliest first."""
    if not person.wears_by_day(day) or person.flies(day):
        return ()
    rng = person.stream("workout", day)
    count = 1 if rng.random() < (0.85 if day.weekday() in person.training_days else 0.12) else 0
    if count and rng.random() < 0.15:
        count = 2
    found = []
    for start in sorted(rng.sample(STARTS, count)):
        activity = rng.choice(tuple(ACTIVITIES))
        intensity, met, pace = ACTIVITIES[activity]
        begin = person.at(day, start + rng.randint(0, 12) * MINUTE)
        end = begin + rng.randint(25, 55) * MINUTE
        found.append(Workout(begin, end, activity, intensity, met, pace, rng.choice(SOURCES)))
    return tuple(found)


def load(person: Person, day: date) -> float:
    return sum(workout.load for workout in workouts(person, day))


def weekly_load(person: Person, day: date) -> float:
    """Training load of the seven days up to and including `day`."""
    return sum(load(person, day - timedelta(days=back)) for back in range(7))


def documents(person: Person, day: date) -> list[Item]:
    zone = person.zone(day)
    found = []
    for position, workout in enumerate(workouts(person, day)):
        minutes = (workout.end - workout.start) / MINUTE
        tracked = workout.source != "manual"
        document = {
            "id": person.id("workout", day, position),
            "activity": workout.activity,
            "calories": round(minutes * workout.met * person.weight / 60, 1) if tracked else None,
            "day": day.isoformat(),
            "distance": round(minutes * workout.pace * 1.02, 1) if tracked and workout.pace else None,
            "end_datetime": with_milliseconds(workout.end, zone),
            "intensity": workout.intensity,
            "label": "Club evening" if workout.source == "confirmed" and day.weekday() == 2 else None,
            "source": workout.source,
            "start_datetime": with_milliseconds(workout.start, zone),
        }
        found.append(item(document, day, workout.start, workout.end + 30 * MINUTE))
    return found
