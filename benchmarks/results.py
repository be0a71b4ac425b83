"""The results, kept between runs: each case can be measured again on its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Measurement:
    """One run of one contender. `processor` in seconds, `peak` in MiB; `rows` are those that are there in the end."""

    seconds: float
    processor: float
    peak: float
    requests: int
    written: int
    rows: int


@dataclass
class Result:
    """One case: the measurements by contender, why others took no part, which rows differed."""

    when: str = ""
    machine: str = ""
    runs: dict[str, list[Measurement]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)

    def of(self, contender: str, name: str) -> float:
        """Return the median of a field of Measurement. KeyError if the contender took no part."""
        return float(median(getattr(run, name) for run in self.runs[contender]))

    def seconds(self, contender: str) -> float:
        return self.of(contender, "seconds")


@dataclass(frozen=True)
class Threshold:
    """A value that must be at least, or at most, its limit."""

    what: str
    value: Callable[[Result], float]
    least: float | None = None
    most: float | None = None

    def judge(self, result: Result) -> tuple[bool | None, str]:
        """Return whether it is met, None if that was not measured, and a line about it."""
        limit = f"at least {self.least:g}" if self.least is not None else f"at most {self.most:g}"
        try:
            value = self.value(result)
        except KeyError as missing:
            return None, f"not measured: {self.what}, {limit} ({missing.args[0]} took no part)"
        met = value >= self.least if self.least is not None else value <= (self.most or 0)
        return met, f"{'met' if met else '**missed**'}: {self.what}: {value:.3g}, {limit}"


def load(path: Path) -> dict[str, Result]:
    """Return the stored results by case; none if an older version wrote them in another form."""
    if not path.exists():
        return {}
    with suppress(TypeError):
        return {
            name: Result(
                **{**kept, "runs": {who: [Measurement(**run) for run in runs] for who, runs in kept["runs"].items()}}
            )
            for name, kept in json.loads(path.read_text()).items()
        }
    return {}


def save(path: Path, results: dict[str, Result]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({name: asdict(result) for name, result in results.items()}, indent=1))
