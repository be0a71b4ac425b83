"""What the ring measured in each sleep period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

from oura_simulator.generators import stages
from oura_simulator.generators.plan import Period, periods
from oura_simulator.generators.workouts import load

if TYPE_CHECKING:
    from oura_simulator.generators.person import Person

STAGE_BPM = {stages.DEEP: -1, stages.LIGHT: 1, stages.REM: 5, stages.AWAKE: 11}
STAGE_HRV = {stages.DEEP: 8, stages.LIGHT: 2, stages.REM: -6, stages.AWAKE: -11}


@dataclass(frozen=True)
class Night:
    """The measured course of one period: a stage per 30 s, and bpm and ms per 300 s (None: no reading)."""

    period: Period
    stages: str
    bpm: tuple[int | None, ...]
    hrv: tuple[int | None, ...]

    @property
    def asleep(self) -> int:
        return sum(stages.seconds(self.stages, stage) for stage in (stages.DEEP, stages.LIGHT, stages.REM))

    @property
    def efficiency(self) -> int:
        return round(100 * self.asleep / (len(self.stages) * stages.EPOCH))

    @property
    def average_bpm(self) -> float:
        """From denser readings than `bpm`, hence not quite its mean."""
        return round(_mean(self.bpm) - 0.25, 2)

    @property
    def lowest_bpm(self) -> int:
        return min(value for value in self.bpm if value) - 1

    @property
    def average_hrv(self) -> int:
        return round(_mean(self.hrv))


def _mean(values: tuple[int | None, ...]) -> float:
    readings = [value for value in values if value is not None]
    return sum(readings) / len(readings)


@lru_cache(maxsize=2048)
def nights(person: Person, day: date) -> tuple[Night, ...]:
    return tuple(_night(person, day, period) for period in periods(person, day))


def _night(person: Person, day: date, period: Period) -> Night:
    rng = person.stream(f"sleep {period.position}", day)
    course = stages.course(rng, period.end - period.start)
    blocks = stages.five_minutes(course)
    # A hard day shows in the night after it: a faster heart, a lower variability.
    strain = min(8.0, load(person, date.fromordinal(day.toordinal() - 1)) / 45)
    base_bpm = person.resting_bpm + 3 + strain + rng.gauss(0, 1.5)
    base_hrv = person.hrv - 2.2 * strain + rng.gauss(0, 5)
    bpm: list[int | None] = []
    hrv: list[int | None] = []
    for number, stage in enumerate(blocks):
        settling = 6 * max(0.0, 1 - number / 40)
        lost = number > 0 and rng.random() < 0.03
        bpm.append(None if lost else round(base_bpm + settling + STAGE_BPM[stage] + rng.gauss(0, 1.2)))
        hrv.append(None if lost else max(8, round(base_hrv + STAGE_HRV[stage] + rng.gauss(0, 7))))
    return Night(period, course, tuple(bpm), tuple(hrv))
