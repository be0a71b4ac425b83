"""What is known once a night has been processed: scores, advice, oxygen, and the slow measures that need a baseline."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from oura_simulator.generators import scores
from oura_simulator.generators.instants import DAY, EPOCH_ORDINAL, HOUR, MINUTE
from oura_simulator.generators.item import Document, Item, item
from oura_simulator.generators.plan import NAP_DELAY, opens_app, periods

if TYPE_CHECKING:
    from oura_simulator.generators.person import Person

BASELINE_NIGHTS = 14
NEEDED_NIGHTS = 10
LEVELS = ("limited", "adequate", "solid", "strong", "exceptional")


def _marker(day: date) -> str:
    return f"{day.isoformat()}T00:00:00+00:00"


def _is_told(person: Person, day: date) -> bool:
    """Of a night without the ring there is now and then a document without a score, else nothing."""
    return person.wears_at_night(day) or (not person.is_away(day) and person.draw("null score", day) < 0.5)


def _nap_arrives(person: Person, day: date) -> int | None:
    ends = [period.end for period in periods(person, day) if period.type == "sleep"]
    return max(ends) + NAP_DELAY if ends and person.wears_at_night(day) else None


def _scored(before: Document, after: Document, person: Person, day: date) -> list[Item]:
    """A nap rewrites the morning's document in the afternoon."""
    begins, seen, revised = person.at(day, 0), opens_app(person, day), _nap_arrives(person, day)
    if revised is None or revised <= seen:
        return [item(after if revised else before, day, begins, seen)]
    return [item(before, day, begins, seen, revised), item(after, day, begins, revised)]


def daily_sleep(person: Person, day: date) -> list[Item]:
    if not _is_told(person, day):
        return []
    versions = []
    for with_nap in (False, True):
        score, contributors = scores.sleep(person, day, with_nap)
        versions.append(
            {
                "id": person.id("daily_sleep", day),
                "contributors": contributors,
                "day": day.isoformat(),
                "score": score,
                "timestamp": _marker(day),
            }
        )
    return _scored(versions[0], versions[1], person, day)


def daily_readiness(person: Person, day: date) -> list[Item]:
    if not _is_told(person, day):
        return []
    same = {"id": person.id("daily_readiness", day), "day": day.isoformat(), "timestamp": _marker(day)}
    return _scored(
        same | scores.readiness(person, day), same | scores.readiness(person, day, with_nap=True), person, day
    )


def daily_spo2(person: Person, day: date) -> list[Item]:
    if not person.wears_at_night(day):
        return []
    failed = person.happens("no oxygen", day, 18)
    document = {
        "id": person.id("daily_spo2", day),
        "breathing_disturbance_index": None if failed else int(12 * person.draw("disturbance", day)),
        "day": day.isoformat(),
        "spo2_percentage": None if failed else {"average": round(95 + 3.5 * person.draw("oxygen", day), 3)},
    }
    return [item(document, day, person.at(day, 0), opens_app(person, day) + HOUR)]


def sleep_time(person: Person, day: date) -> list[Item]:
    if not _is_told(person, day):
        return []
    known = _has_baseline(person, day)
    start = person.bedtime - 30 * MINUTE
    document = {
        "id": person.id("sleep_time", day),
        "day": day.isoformat(),
        "optimal_bedtime": {"day_tz": _offset(person, day), "end_offset": start + HOUR, "start_offset": start}
        if known
        else None,
        "recommendation": "follow_optimal_bedtime" if known else "improve_efficiency",
        "status": "optimal_found" if known else "not_enough_recent_nights",
    }
    return [item(document, day, person.at(day, 0), opens_app(person, day))]


def _offset(person: Person, day: date) -> int:
    """Seconds that the wearer's clock is ahead of UTC at midnight."""
    return (day.toordinal() - EPOCH_ORDINAL) * DAY - person.at(day, 0)


def _has_baseline(person: Person, day: date) -> bool:
    worn = sum(person.wears_at_night(day - timedelta(days=back)) for back in range(BASELINE_NIGHTS))
    return worn >= NEEDED_NIGHTS and person.wears_at_night(day)


def daily_resilience(person: Person, day: date) -> list[Item]:
    if not _has_baseline(person, day):
        return []
    recovery = [100 * person.draw("resilience", day - timedelta(days=back)) for back in range(BASELINE_NIGHTS)]
    night = sum(recovery) / len(recovery)
    strain = min(100.0, 100 * (0.3 + 0.5 * person.draw("strain", day)))
    document = {
        "id": person.id("daily_resilience", day),
        "day": day.isoformat(),
        "contributors": {
            "sleep_recovery": round(night, 1),
            "daytime_recovery": round((night + strain) / 2, 1),
            "stress": round(strain, 1),
        },
        "level": LEVELS[min(4, max(0, int((night - 30) / 10)))],
    }
    return [item(document, day, person.at(day, 0), max(opens_app(person, day), person.at(day, 12 * HOUR)))]


def daily_cardiovascular_age(person: Person, day: date) -> list[Item]:
    if not _has_baseline(person, day) or person.draw("vessels", day) < 0.15:
        return []
    years = max(18, min(100, person.age - 4 + (person.number * 7) % 9 + round(person.draw("vessel age", day))))
    document = {
        "id": person.id("daily_cardiovascular_age", day),
        "day": day.isoformat(),
        "pulse_wave_velocity": None if person.draw("wave", day) < 0.1 else round(4.2 + 0.055 * years, 2),
        "vascular_age": years,
    }
    return [item(document, day, person.at(day, 0), max(opens_app(person, day), person.at(day, 12 * HOUR)))]
