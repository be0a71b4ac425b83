"""The collection `heartrate`: every five minutes or so, every few seconds in a workout, nothing without the ring."""

from __future__ import annotations

from bisect import bisect_left
from datetime import date, timedelta
from functools import lru_cache
from math import pi, sin
from typing import TYPE_CHECKING

from oura_simulator.generators.days import without_ring
from oura_simulator.generators.events import sessions
from oura_simulator.generators.instants import DAY, EPOCH_ORDINAL, HOUR, MINUTE
from oura_simulator.generators.plan import periods
from oura_simulator.generators.workouts import workouts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from oura_simulator.generators.person import Person

SOURCES = ("awake", "rest", "sleep", "session", "live", "workout")

Sample = tuple[int, str, int]
"""Epoch seconds, source, beats per minute."""


def samples(person: Person, day: date) -> list[Sample]:
    """All samples of the UTC day, oldest first."""
    first = (day.toordinal() - EPOCH_ORDINAL) * DAY
    found: list[Sample] = []
    for back in (2, 1, 0, -1):
        local = day - timedelta(days=back)
        start, end = person.activity_day(local)
        if start < first + DAY and end > first:
            known = _activity_day(person, local)
            found += known[bisect_left(known, (first,)) : bisect_left(known, (first + DAY,))]
    return sorted(found)


@lru_cache(maxsize=32)
def _activity_day(person: Person, day: date) -> tuple[Sample, ...]:
    if person.is_away(day):
        return ()
    rng = person.stream("heart", day)
    bursts = [*_bursts(person, day, rng)]
    # One value per instant and source, whatever overlaps.
    found = {(at, source): bpm for at, source, bpm in (*_round_the_clock(person, day, rng), *bursts)}
    return tuple(sorted((at, source, bpm) for (at, source), bpm in found.items()))


def _round_the_clock(person: Person, day: date, rng: Random) -> Iterator[Sample]:
    start, end = person.activity_day(day)
    asleep = [
        (period.start, period.end, "rest" if period.type == "rest" else "sleep")
        for local in (day, day + timedelta(days=1))
        for period in periods(person, local)
    ]
    trained = [(workout.start, workout.end, None) for workout in workouts(person, day)]
    off = [(first, last, None) for first, last in without_ring(person, day)]
    # What comes first wins: whoever sleeps wears the ring.
    known: list[tuple[int, int, str | None]] = [*trained, *asleep, *off]
    noise = rng.random
    resting = person.resting_bpm
    at = start + int(noise() * 280)
    while at < end:
        value = noise()
        source: str | None = "awake"
        for first, last, kind in known:
            if first <= at <= last:
                source = kind
                break
        if source and value > 0.03:
            if source == "awake":
                rhythm = sin((at - start) / DAY * 2 * pi - 0.4)
                bpm = resting + 17 + 7 * rhythm + 16 * value * value
                source = "rest" if value < 0.12 else source
            else:
                bpm = resting + 2 + 9 * value
            yield at, source, round(bpm)
        at += 260 + int(noise() * 80)


def _bursts(person: Person, day: date, rng: Random) -> Iterator[Sample]:
    """Stretches read every few seconds. At the first instant of a workout two sources report at once."""
    for workout in workouts(person, day):
        peak = person.resting_bpm + 25 + 9 * workout.met
        yield workout.start, "awake", round(person.resting_bpm + 24)
        at = workout.start
        while at <= workout.end:
            warm = min(1.0, (at - workout.start) / 480)
            yield (
                at,
                "workout",
                round(person.resting_bpm + 24 + (peak - person.resting_bpm - 24) * warm + 8 * rng.random()),
            )
            at += 4 + int(rng.random() * 7)
    for start, end in sessions(person, day):
        for at in range(start, end, 30):
            yield at, "session", round(person.resting_bpm + 10 + 5 * rng.random())
    if person.happens("live", day, 6) and person.wears_by_day(day) and not person.flies(day):
        start = person.at(day, 16 * HOUR + 45 * MINUTE)
        for at in range(start, start + 90):
            yield at, "live", round(person.resting_bpm + 19 + 3 * rng.random())
