"""Sleep and readiness scores, and the contributors they are made of."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from oura_simulator.generators import stages
from oura_simulator.generators.nights import Night, nights
from oura_simulator.generators.workouts import load, weekly_load

if TYPE_CHECKING:
    from oura_simulator.generators.item import Document
    from oura_simulator.generators.person import Person

NAP_SLEEP_BONUS = 3
NAP_READINESS_BONUS = 2
SLEEP_WEIGHTS = {
    "deep_sleep": 0.1,
    "efficiency": 0.1,
    "latency": 0.1,
    "rem_sleep": 0.1,
    "restfulness": 0.15,
    "timing": 0.1,
    "total_sleep": 0.35,
}
READINESS_CONTRIBUTORS = (
    "activity_balance",
    "body_temperature",
    "hrv_balance",
    "previous_day_activity",
    "previous_night",
    "recovery_index",
    "resting_heart_rate",
    "sleep_balance",
    "sleep_regularity",
)


def clamp(value: float) -> int:
    return max(1, min(100, round(value)))


def main_night(person: Person, day: date) -> Night | None:
    """The longest sleep of the day; None when the ring was not worn."""
    long = [night for night in nights(person, day) if night.period.type == "long_sleep"]
    return max(long, key=lambda night: night.asleep, default=None)


def has_nap(person: Person, day: date) -> bool:
    return any(night.period.type == "sleep" for night in nights(person, day))


def sleep(person: Person, day: date, with_nap: bool) -> tuple[int | None, Document]:
    """Score and contributors of the day's sleep, before or after its nap is known."""
    main = main_night(person, day)
    if main is None:
        return None, dict.fromkeys(SLEEP_WEIGHTS)
    asleep = sum(night.asleep for night in nights(person, day) if night.period.type in ("long_sleep", "late_nap"))
    deep = stages.seconds(main.stages, stages.DEEP)
    rem = stages.seconds(main.stages, stages.REM)
    contributors = {
        "deep_sleep": clamp(100 * deep / (0.17 * main.asleep)),
        "efficiency": clamp(100 - 3 * (95 - main.efficiency)),
        "latency": clamp(100 - abs(stages.latency(main.stages) - 900) / 18),
        "rem_sleep": clamp(100 * rem / (0.22 * main.asleep)),
        "restfulness": clamp(45 + 50 * person.draw("restfulness", day)),
        "timing": clamp(70 + 30 * person.draw("timing", day)),
        "total_sleep": clamp(100 * asleep / person.sleep_need),
    }
    score = sum(weight * contributors[name] for name, weight in SLEEP_WEIGHTS.items())
    bonus = NAP_SLEEP_BONUS if with_nap and has_nap(person, day) else 0
    return clamp(min(score, 100 - NAP_SLEEP_BONUS) + bonus), contributors


def readiness(person: Person, day: date, with_nap: bool = False) -> Document:
    """Contributors, score and temperatures (°C from the baseline), as in `sleep.readiness` and `daily_readiness`."""
    main = main_night(person, day)
    if main is None:
        return {
            "contributors": dict.fromkeys(READINESS_CONTRIBUTORS),
            "score": None,
            "temperature_deviation": None,
            "temperature_trend_deviation": None,
        }
    yesterday = day - timedelta(days=1)
    slept, _ = sleep(person, day, with_nap=False)
    warmth = _temperature(person, day)
    contributors = {
        "activity_balance": clamp(100 - abs(weekly_load(person, yesterday) - 700) / 22),
        "body_temperature": clamp(100 - 45 * abs(warmth)),
        "hrv_balance": clamp(75 + 100 * (main.average_hrv - person.hrv) / person.hrv),
        "previous_day_activity": clamp(90 - load(person, yesterday) / 9),
        "previous_night": slept or 1,
        "recovery_index": clamp(60 + 40 * person.draw("recovery index", day)),
        "resting_heart_rate": clamp(98 - 6 * max(0, main.lowest_bpm - person.resting_bpm + 1)),
        "sleep_balance": clamp(55 + 42 * person.draw("sleep balance", day)),
        "sleep_regularity": clamp(60 + 38 * person.draw("sleep regularity", day)),
    }
    score = sum(contributors.values()) / len(contributors)
    bonus = NAP_READINESS_BONUS if with_nap and has_nap(person, day) else 0
    trend = sum(_temperature(person, day - timedelta(days=back)) for back in range(3)) / 3
    return {
        "contributors": contributors,
        "score": clamp(min(score, 100 - NAP_READINESS_BONUS) + bonus),
        "temperature_deviation": round(warmth, 2),
        "temperature_trend_deviation": round(trend, 2),
    }


def _temperature(person: Person, day: date) -> float:
    ill = 0.9 if any(person.happens("fever", day - timedelta(days=back), 91) for back in range(3)) else 0.0
    return ill + 0.6 * (person.draw("temperature", day) - 0.5)
