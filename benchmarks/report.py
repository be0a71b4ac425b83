"""The results as a page: one table per case, with its thresholds below it."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.cases import Case
from benchmarks.results import Measurement, Result

HEAD = """\
# Side by side

Written by `make bench`; [README.md](README.md) explains the comparison. Ratios hold on other machines, seconds do
not. Spread is the fastest and the slowest round. Processor is the CPU time and memory the sum of PSS of all processes
of a contender, without PostgreSQL and the simulator. Rows written are inserts, updates and deletes: an upsert may write
a row twice.

![Medians](results.svg)
"""
COLUMNS = (
    *("contender", "median", "spread", "ratio", "processor", "peak memory"),
    *("requests", "per second", "rows written", "rounds"),
)


def page(cases: Sequence[Case], results: dict[str, Result]) -> str:
    """All cases that were measured, in their order."""
    return "\n".join([HEAD, *(section(case, results[case.name]) for case in cases if case.name in results)])


def section(case: Case, result: Result) -> str:
    lines = [
        f"## {case.title}",
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|---|" + "---:|" * (len(COLUMNS) - 1),
        *(_row(name, runs, result) for name, runs in result.runs.items()),
        "",
        *(f"- skipped: {name}: {reason}" for name, reason in result.skipped.items()),
        *(f"- {line}" for _, line in (threshold.judge(result) for threshold in case.thresholds)),
        *(f"- **different**: {difference}" for difference in result.differences),
        f"- `--case {case.name}`, {result.when}, {result.machine}",
        "",
    ]
    return "\n".join(lines)


def violations(case: Case, result: Result) -> list[str]:
    """Return what makes the benchmark exit with 1: missed thresholds and different rows."""
    judged = (threshold.judge(result) for threshold in case.thresholds)
    return [line for met, line in judged if met is False] + result.differences


def _row(name: str, runs: list[Measurement], result: Result) -> str:
    seconds, requests = result.seconds(name), result.of(name, "requests")
    first = result.seconds(next(iter(result.runs)))
    cells = [
        name,
        f"{seconds:.2f} s",
        f"{min(run.seconds for run in runs):.2f}–{max(run.seconds for run in runs):.2f}",
        f"{seconds / first:.2f}",
        f"{result.of(name, 'processor'):.2f} s",
        f"{result.of(name, 'peak'):.0f} MiB",
        f"{requests:,.0f}",
        f"{requests / seconds:.0f}",
        f"{result.of(name, 'written'):,.0f}",
        f"{len(runs)}",
    ]
    return "| " + " | ".join(cells) + " |"
