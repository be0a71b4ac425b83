"""The course of a sleep: stages in cycles of about ninety minutes, thirty seconds at a time."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

DEEP, LIGHT, REM, AWAKE = "1", "2", "3", "4"
EPOCH = 30
MOVEMENTS = {DEEP: "1111111111112", LIGHT: "1111111122", REM: "11111112", AWAKE: "2234"}


def course(rng: Random, seconds: int) -> str:
    """One digit for each 30 s in bed."""
    epochs = seconds // EPOCH
    latency = min(rng.randint(6, 40), epochs // 4)
    parts = [AWAKE * latency]
    left = epochs - latency
    cycle = 0
    while left > 0:
        length = rng.randint(160, 220)
        deep = int(length * max(0.02, 0.38 - 0.11 * cycle) * rng.uniform(0.8, 1.2))
        rem = int(length * min(0.42, 0.08 + 0.09 * cycle) * rng.uniform(0.8, 1.2))
        awake = rng.randint(0, 12)
        light = max(20, length - deep - rem - awake)
        first = light * 2 // 3
        parts += [LIGHT * first, DEEP * deep, LIGHT * (light - first), REM * rem, AWAKE * awake]
        left -= first + deep + light - first + rem + awake
        cycle += 1
    stages = "".join(parts)[:epochs]
    morning = min(rng.randint(2, 14), epochs // 10)
    return stages[: epochs - morning] + AWAKE * morning


def five_minutes(stages: str) -> str:
    """The same course, one digit for each 300 s: the stage that fills most of it."""
    blocks = (stages[at : at + 10] for at in range(0, len(stages), 10))
    return "".join(max("1234", key=block.count) for block in blocks)


def movement(rng: Random, stages: str) -> str:
    """One digit for each 30 s, restless when awake and still in deep sleep."""
    runs = ((stage, len(list(run))) for stage, run in groupby(stages))
    return "".join("".join(rng.choices(MOVEMENTS[stage], k=length)) for stage, length in runs)


def latency(stages: str) -> int:
    """Seconds until asleep."""
    return (len(stages) - len(stages.lstrip(AWAKE))) * EPOCH


def seconds(stages: str, stage: str) -> int:
    return stages.count(stage) * EPOCH
