"""The generated data: pure functions of seed, account, collection and day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oura_simulator.generators import daily, days, events, fields, sleep, workouts

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from oura_simulator.generators.item import Item
    from oura_simulator.generators.person import Person

FIXED: dict[str, Callable[[Person, date], list[Item]]] = {
    "daily_cardiovascular_age": daily.daily_cardiovascular_age,
    "daily_readiness": daily.daily_readiness,
    "daily_resilience": daily.daily_resilience,
    "daily_sleep": daily.daily_sleep,
    "daily_spo2": daily.daily_spo2,
    "enhanced_tag": events.enhanced_tag,
    "rest_mode_period": events.rest_mode_period,
    "session": events.session,
    "sleep": sleep.documents,
    "sleep_time": daily.sleep_time,
    "tag": events.tag,
    "vO2_max": events.vo2_max,
    "workout": workouts.documents,
}
GROWING: dict[str, Callable[[Person, date, int], list[Item]]] = {
    "daily_activity": days.daily_activity,
    "daily_stress": days.daily_stress,
}
FOR_EVER = 1 << 40


def finished(person: Person, collection: str, day: date) -> list[Item]:
    """Return all documents of the day, in every version."""
    if collection in GROWING:
        return unfinished(person, collection, day, FOR_EVER)
    return fields.completed(collection, FIXED[collection](person, day))


def is_growing(person: Person, collection: str, day: date, now: int) -> bool:
    """Return whether the day's document still changes by itself at `now` (epoch seconds)."""
    return collection in GROWING and now < person.activity_day(day)[1]


def unfinished(person: Person, collection: str, day: date, now: int) -> list[Item]:
    """Return the day's documents as of `now` (epoch seconds)."""
    return fields.completed(collection, GROWING[collection](person, day, now))
