"""Activity days and stress: documents that grow while the day is in progress."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from oura_simulator.generators.instants import HOUR, MINUTE, with_offset
from oura_simulator.generators.item import Item, item
from oura_simulator.generators.plan import periods
from oura_simulator.generators.scores import clamp
from oura_simulator.generators.workouts import load, weekly_load, workouts

if TYPE_CHECKING:
    from oura_simulator.generators.person import Person

BLOCK = 5 * MINUTE
NON_WEAR, REST, INACTIVE, LOW, MEDIUM, HIGH = "0", "1", "2", "3", "4", "5"
# The phone sends what it has this often.
SYNC = 15 * MINUTE


@dataclass(frozen=True)
class Movement:
    """An activity day: MET per minute (None: ring off), a class digit per five minutes, and where it begins."""

    start: int
    end: int
    met: tuple[float | None, ...]
    classes: str


@lru_cache(maxsize=256)
def movement(person: Person, day: date) -> Movement:
    start, end = person.activity_day(day)
    rng = person.stream("movement", day)
    known = _known_blocks(person, day, start)
    walk_chance = 0.11 * person.walks * (1.25 if day.weekday() == 5 else 1.0)
    met: list[float | None] = []
    classes = []
    for number, at in enumerate(range(start, end, BLOCK)):
        level, digit = known.get(number, (1.3, INACTIVE))
        if number not in known:
            if rng.random() < walk_chance:
                level, digit = rng.choice(((2.1, LOW), (2.6, LOW), (3.6, MEDIUM)))
            elif rng.random() < 0.12:
                level, digit = 1.1, REST
        met += rng.choices(_near(level), k=min(5, (end - at) // MINUTE))
        classes.append(digit)
    return Movement(start, end, tuple(met), "".join(classes))


def _known_blocks(person: Person, day: date, start: int) -> dict[int, tuple[float, str]]:
    """MET and class of the five-minute blocks in which the person trains, sleeps or has the ring off."""
    spans = [
        (w.start, w.end, w.met, HIGH if w.met > 6 else MEDIUM if w.met > 3 else LOW) for w in workouts(person, day)
    ]
    spans += [(first, last, 0.0, NON_WEAR) for first, last in without_ring(person, day)]
    # What comes last wins: whoever sleeps wears the ring.
    spans += [(p.start, p.end, 0.95, REST) for d in (day, day + timedelta(days=1)) for p in periods(person, d)]
    known = {}
    for first, last, level, digit in spans:
        for number in range(max(0, -((start - first) // BLOCK)), -((start - last) // BLOCK)):
            known[number] = level, digit
    return known


def _class(met: float) -> str:
    return HIGH if met > 6 else MEDIUM if met > 3 else LOW


@cache
def _near(level: float) -> tuple[float | None, ...]:
    """Values around a level; none at all where there is no level."""
    return tuple(round(level * (0.92 + 0.02 * step), 1) for step in range(9)) if level else (None,)


def without_ring(person: Person, day: date) -> list[tuple[int, int]]:
    """Stretches of the activity day with the ring off when awake; it is taken off for the shower at least."""
    start, end = person.activity_day(day)
    if not person.wears_by_day(day):
        return [(start, end)]
    shower = person.at(day, 19 * HOUR + 45 * MINUTE)
    off = [(shower, shower + 2 * BLOCK)]
    if not person.wears_at_night(day):
        off.append((start, start + 4 * HOUR))
    if not person.wears_at_night(day + timedelta(days=1)):
        off.append((person.at(day, 22 * HOUR), end))
    return off


def daily_activity(person: Person, day: date, now: int) -> list[Item]:
    """The activity day as known at `now` (epoch seconds): shorter in all its parts while it lasts."""
    if person.is_away(day) or person.happens("no activity document", day, 83):
        return []
    moved = movement(person, day)
    until = min(moved.end, now - now % SYNC)
    blocks = (until - moved.start) // BLOCK
    if blocks <= 0:
        return []
    classes, met = moved.classes[:blocks], moved.met[: blocks * 5]
    minutes = dict.fromkeys("012345", 0)
    met_minutes = dict.fromkeys("012345", 0.0)
    for number, digit in enumerate(classes):
        block = met[5 * number : 5 * number + 5]
        minutes[digit] += len(block)
        met_minutes[digit] += sum(m or 0.0 for m in block)
    active = sum(m - 1.4 for m in met if m is not None and m > 1.8) * person.weight / 60
    resting = 22 * person.weight * len(met) / 1440
    walked = round(active * 17)
    target = 8000 + 500 * (person.number % 5)
    steps = round(sum(38 + 26 * (m - 2) for m in met if m is not None and 1.9 < m < 8))
    worn = any(m is not None for m in met)
    enough = blocks * BLOCK >= 8 * HOUR and worn
    contributors = {
        "meet_daily_targets": clamp(100 * walked / target),
        "move_every_hour": clamp(100 - 8 * (minutes[INACTIVE] // 240)),
        "recovery_time": clamp(105 - load(person, day) / 12),
        "stay_active": clamp(110 - minutes[INACTIVE] / 14),
        "training_frequency": clamp(22 * sum(load(person, day - timedelta(days=b)) > 0 for b in range(7))),
        "training_volume": clamp(weekly_load(person, day) / 8),
    }
    document = {
        "id": person.id("daily_activity", day),
        "class_5_min": classes,
        "score": clamp(sum(contributors.values()) / 6) if enough else None,
        "active_calories": round(active),
        "average_met_minutes": round(sum(m or 0.9 for m in met) / len(met), 5),
        "contributors": contributors if enough else dict.fromkeys(contributors),
        "equivalent_walking_distance": walked,
        "high_activity_met_minutes": round(met_minutes[HIGH]),
        "high_activity_time": classes.count(HIGH) * BLOCK,
        "inactivity_alerts": minutes[INACTIVE] // 240,
        "low_activity_met_minutes": round(met_minutes[LOW]),
        "low_activity_time": classes.count(LOW) * BLOCK,
        "medium_activity_met_minutes": round(met_minutes[MEDIUM]),
        "medium_activity_time": classes.count(MEDIUM) * BLOCK,
        "met": {"interval": 60.0, "items": met, "timestamp": with_offset(moved.start, person.zone(day))},
        "meters_to_target": target - walked,
        "non_wear_time": classes.count(NON_WEAR) * BLOCK,
        "resting_time": classes.count(REST) * BLOCK,
        "sedentary_met_minutes": round(met_minutes[INACTIVE]),
        "sedentary_time": classes.count(INACTIVE) * BLOCK,
        "steps": steps,
        "target_calories": 400 + 50 * (person.number % 5),
        "target_meters": target,
        "total_calories": round(active + resting),
        "day": day.isoformat(),
        "timestamp": with_offset(moved.start, person.zone(day)),
    }
    return [item(document, day, moved.start, moved.start + SYNC, wall=4 * HOUR)]


def daily_stress(person: Person, day: date, now: int) -> list[Item]:
    """Stress and recovery of the calendar day so far, in seconds; with a summary only when the day is over."""
    if not person.wears_by_day(day):
        return []
    start, end = person.at(day, 0), person.at(day + timedelta(days=1), 0)
    morning = start + 9 * HOUR
    if now < morning:
        return []
    share = min(1.0, (now - now % SYNC - start) / (end - start))
    stress = 15 * MINUTE * int(22 * person.draw("stress", day) * share)
    recovery = 15 * MINUTE * int(18 * person.draw("recovery", day) * share)
    summary = "restored" if recovery > stress + HOUR else "stressful" if stress > recovery + 2 * HOUR else "normal"
    document = {
        "id": person.id("daily_stress", day),
        "day": day.isoformat(),
        "stress_high": stress,
        "recovery_high": recovery,
        "day_summary": summary if now >= end else None,
    }
    return [item(document, day, start, morning)]
