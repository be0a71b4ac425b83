"""The collection `sleep`: one document per sleep period."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oura_simulator.generators import scores, stages
from oura_simulator.generators.instants import MINUTE, with_milliseconds
from oura_simulator.generators.item import Document, Item, item
from oura_simulator.generators.nights import Night, nights
from oura_simulator.generators.plan import NAP_DELAY, opens_app

if TYPE_CHECKING:
    from datetime import date

    from oura_simulator.generators.person import Person

BACKGROUND, FOREGROUND = "background_sleep_analysis", "foreground_sleep_analysis"
REVISED = "background_created_foreground_updated"


def documents(person: Person, day: date) -> list[Item]:
    found: list[Item] = []
    for night in nights(person, day):
        period = night.period
        document = _document(person, day, night)
        if period.type != "long_sleep":
            found.append(item(document, day, period.start, period.end + NAP_DELAY))
            continue
        final = opens_app(person, day)
        early = period.end + 5 * MINUTE
        # The phone sometimes analyses in the background first: the same document, with less in it, some hours before.
        if person.draw("background", day) < 0.25 and early < final:
            draft = document | {"sleep_analysis_reason": BACKGROUND, "readiness": None, "app_sleep_phase_5_min": None}
            found.append(item(draft, day, period.start, early, final))
            document = document | {"sleep_analysis_reason": REVISED}
        found.append(item(document, day, period.start, final))
    return found


def _document(person: Person, day: date, night: Night) -> Document:
    period, course = night.period, night.stages
    zone = person.zone(day)
    start = with_milliseconds(period.start, zone)
    five = stages.five_minutes(course)
    rng = person.stream(f"detail {period.position}", day)
    is_night = period.type == "long_sleep"
    rounds = stages.movement(rng, course)
    return {
        "id": person.id("sleep", day, period.position),
        "average_breath": round(rng.uniform(13, 16.5) * 8) / 8,
        "average_heart_rate": night.average_bpm,
        "average_hrv": night.average_hrv,
        "awake_time": stages.seconds(course, stages.AWAKE),
        "bedtime_end": with_milliseconds(period.end, zone),
        "bedtime_start": start,
        "day": day.isoformat(),
        "deep_sleep_duration": stages.seconds(course, stages.DEEP),
        "efficiency": night.efficiency,
        "heart_rate": {"interval": 300.0, "items": night.bpm, "timestamp": start},
        "hrv": {"interval": 300.0, "items": night.hrv, "timestamp": start},
        "latency": stages.latency(course),
        "light_sleep_duration": stages.seconds(course, stages.LIGHT),
        "low_battery_alert": rng.random() < 0.04,
        "lowest_heart_rate": night.lowest_bpm,
        "movement_30_sec": rounds,
        "period": period.position,
        "readiness": scores.readiness(person, day) if is_night and period.position == 0 else None,
        "readiness_score_delta": scores.NAP_READINESS_BONUS if period.type == "sleep" else 0 if is_night else None,
        "rem_sleep_duration": stages.seconds(course, stages.REM),
        "restless_periods": rounds.count("3"),
        "sleep_algorithm_version": "v2",
        "sleep_analysis_reason": FOREGROUND,
        "sleep_phase_30_sec": course,
        "sleep_phase_5_min": five,
        "sleep_score_delta": scores.NAP_SLEEP_BONUS if period.type == "sleep" else 0 if is_night else None,
        "time_in_bed": period.end - period.start,
        "total_sleep_duration": night.asleep,
        "type": period.type,
        "ring_id": None,
        "app_sleep_phase_5_min": five if is_night else None,
    }
