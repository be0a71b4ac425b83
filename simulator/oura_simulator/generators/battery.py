"""The collection `ring_battery_level`: four days of draining, then an hour and a half in the charger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oura_simulator.generators.instants import DAY, EPOCH_ORDINAL, MINUTE

if TYPE_CHECKING:
    from datetime import date

    from oura_simulator.generators.person import Person

CYCLE = 4 * DAY
CHARGE = 90 * MINUTE

Level = tuple[int, int, bool | None, bool | None]
"""Epoch seconds, percent, charging, in the charger (None: the ring did not say)."""


def levels(person: Person, day: date) -> list[Level]:
    """All rows of the UTC day, oldest first."""
    rng = person.stream("battery", day)
    start = (day.toordinal() - EPOCH_ORDINAL) * DAY
    at = start + rng.randint(0, 30) * MINUTE
    found: list[Level] = []
    while at < start + DAY:
        phase = (at + person.number * 7 * 3600) % CYCLE
        in_charger = phase < CHARGE
        level = 22 + 78 * min(1.0, phase / (CHARGE * 0.8)) if in_charger else 100 - 78 * (phase - CHARGE) / CYCLE
        is_told = rng.random() > 0.05
        found.append(
            (at, round(level), in_charger and level < 100 if is_told else None, in_charger if is_told else None)
        )
        at += rng.randint(8, 12) * MINUTE if in_charger else rng.randint(25, 70) * MINUTE + rng.randint(0, 59)
    return found
