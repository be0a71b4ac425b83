"""What people log: sessions, tags, rest mode; and what is estimated or set up now and then."""

from __future__ import annotations

from datetime import UTC, date, timedelta
from typing import TYPE_CHECKING

from oura_simulator.generators.instants import DAY, HOUR, MINUTE, with_milliseconds, with_offset
from oura_simulator.generators.item import Item, item
from oura_simulator.generators.workouts import weekly_load

if TYPE_CHECKING:
    from oura_simulator.generators.person import Person

MOODS = ("bad", "worse", "same", "good", "great", None)
SESSIONS = ("breathing", "meditation", "relaxation", "rest", "body_status")
TAGS = ("tag_generic_nocaffeine", "tag_generic_alcohol", "tag_generic_late_meal", "tag_generic_sauna", None, "custom")
COMMENTS = ("two coffees after lunch", "schöner Abend 🌅", 'said "never again"', None, None, None)
REST_MODE_EVERY = 26


def sessions(person: Person, day: date) -> tuple[tuple[int, int], ...]:
    """Start and end of the day's sessions, epoch seconds."""
    if not person.wears_by_day(day) or person.flies(day):
        return ()
    if not (person.draw("session", day) < 0.25 or person.happens("session", day, 9)):
        return ()
    start = person.at(day, 12 * HOUR + 15 * MINUTE)
    return ((start, start + (3 + int(17 * person.draw("session length", day))) * MINUTE),)


def session(person: Person, day: date) -> list[Item]:
    found = []
    zone = person.zone(day)
    for position, (start, end) in enumerate(sessions(person, day)):
        rng = person.stream("session detail", day)
        count = (end - start) // 5
        stamp = with_milliseconds(start, zone)
        bpm = [None if rng.random() < 0.02 else round(person.resting_bpm + 12 + rng.gauss(0, 2)) for _ in range(count)]
        hrv = [round(person.hrv + rng.gauss(0, 6)) for _ in range(count)]
        is_measured = rng.random() < 0.85
        document = {
            "id": person.id("session", day, position),
            "day": day.isoformat(),
            "end_datetime": with_milliseconds(end, zone),
            "heart_rate": {"interval": 5.0, "items": bpm, "timestamp": stamp} if is_measured else None,
            "heart_rate_variability": {"interval": 5.0, "items": hrv, "timestamp": stamp} if is_measured else None,
            "mood": rng.choice(MOODS),
            "motion_count": {
                "interval": 5.0,
                "items": [int(4 * rng.random()) for _ in range(count)],
                "timestamp": stamp,
            }
            if is_measured
            else None,
            "start_datetime": stamp,
            "type": rng.choice(SESSIONS),
        }
        found.append(item(document, day, start, end + 15 * MINUTE))
    return found


def enhanced_tag(person: Person, day: date) -> list[Item]:
    rng = person.stream("enhanced tag", day)
    count = int(rng.random() < 0.3 or person.happens("enhanced tag", day, 8)) + int(rng.random() < 0.06)
    found = []
    for position in range(count):
        zone = person.zone(day)
        start = person.at(day, rng.randint(8 * 60, 21 * 60) * MINUTE)
        end = start + rng.randint(30, 300) * MINUTE if rng.random() < 0.25 else None
        code = rng.choice(TAGS)
        comment = rng.choice(COMMENTS)
        document = {
            "id": person.id("enhanced_tag", day, position),
            "tag_type_code": code,
            "start_time": with_offset(start, zone),
            "end_time": with_offset(end, zone) if end else None,
            "start_day": day.isoformat(),
            "end_day": with_offset(end, zone)[:10] if end else None,
            "comment": comment if code else comment or "just a note",
            "custom_name": "long drive" if code == "custom" else None,
        }
        found.append(item(document, day, start, (end or start) + 10 * MINUTE))
    return found


def tag(person: Person, day: date) -> list[Item]:
    if not (person.draw("tag", day) < 0.12 or person.happens("tag", day, 11)):
        return []
    start = person.at(day, 20 * HOUR)
    document = {
        "id": person.id("tag", day),
        "day": day.isoformat(),
        "text": None if person.draw("tag text", day) < 0.3 else "felt fine",
        "timestamp": with_offset(start, person.zone(day)),
        "tags": ["tag_generic_nocaffeine"] if person.draw("tag code", day) < 0.7 else [],
    }
    return [item(document, day, start, start + 10 * MINUTE)]


def rest_mode_period(person: Person, day: date) -> list[Item]:
    """Open while it lasts; every fourth one is never closed."""
    block, offset = divmod(day.toordinal() + 5 * person.number, REST_MODE_EVERY)
    if offset != int(3 * person.draw("rest mode", date.fromordinal(block * REST_MODE_EVERY))):
        return []
    zone = person.zone(day)
    start = person.at(day, 9 * HOUR + 30 * MINUTE)
    end = start + DAY + int(2 * DAY * person.draw("rest mode length", day))
    episodes = [{"tags": ["tag_generic_fever"], "timestamp": with_milliseconds(start + HOUR, zone)}]
    period = {
        "id": person.id("rest_mode_period", day),
        "end_day": None,
        "end_time": None,
        "episodes": episodes,
        "start_day": day.isoformat(),
        "start_time": with_milliseconds(start, zone),
    }
    opened = start + 10 * MINUTE
    if block % 4 == 0:
        return [item(period, day, start, opened)]
    end_day = date.fromisoformat(with_milliseconds(end, zone)[:10])
    closed = period | {
        "end_day": end_day.isoformat(),
        "end_time": with_milliseconds(end, person.zone(end_day)),
        "episodes": [*episodes, {"tags": [], "timestamp": with_milliseconds(end - 2 * HOUR, zone)}],
    }
    return [item(period, day, start, opened, end + HOUR), item(closed, day, start, end + HOUR)]


def vo2_max(person: Person, day: date) -> list[Item]:
    if not person.happens("vo2 max", day, 9):
        return []
    taken = person.at(day, 19 * HOUR)
    fitness = 58 - 0.35 * person.age + min(6, weekly_load(person, day) / 250)
    document = {
        "id": person.id("vO2_max", day),
        "day": day.isoformat(),
        "timestamp": with_milliseconds(taken, person.zone(day)),
        "vo2_max": round(fitness),
    }
    return [item(document, day, taken, taken + HOUR)]


def ring_configuration(person: Person) -> list[Item]:
    """Every ring the person ever had, oldest first."""
    rings = (
        (date(2016, 5, 1), "gen1", "heritage", "silver", "1.21.0"),
        (date(2021, 12, 1), "gen3", "horizon", "stealth_black", "2.9.32"),
        (date(2025, 2, 1), "gen4", None, "brushed_silver", "3.4.11"),
    )
    found = []
    for position, (first, hardware, design, color, firmware) in enumerate(rings[person.number % 2 :]):
        day = first + timedelta(days=int(60 * person.draw("ring", first)))
        paired = person.at(day, 18 * HOUR)
        document = {
            "id": person.id("ring_configuration", day, position),
            "color": color,
            "design": design,
            "firmware_version": firmware,
            "hardware_type": hardware,
            "set_up_at": with_offset(paired, UTC),
            "size": 7 + person.number % 6,
        }
        found.append(item(document, day, paired, paired))
    return found


def personal_info(person: Person) -> dict[str, object]:
    return {
        "id": person.name,
        "age": person.age,
        "weight": person.weight,
        "height": person.height,
        "biological_sex": person.sex,
        "email": f"{person.name}@example.com",
    }
