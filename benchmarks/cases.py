"""The cases: what is done, by whom, and which thresholds it must meet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tap_oura.catalog.collections import DEFAULT_COLLECTIONS

from benchmarks.contenders import (
    COPY,
    DLT,
    DLT_WORKERS,
    FLOOR,
    LOADER,
    LOADER_ALONE,
    MELTANO_RUN,
    OURS,
    QUIET,
    SLING,
    STOCK,
    STOCK_LOADER,
    TAP,
    Contender,
    build,
    sharded,
    tap,
    through_meltano,
    write_files,
)
from benchmarks.environment import Environment, Job
from benchmarks.incremental import a_day_later, a_day_loaded, changes_of_one, changes_of_the_others, collected, sync
from benchmarks.measure import Pipe
from benchmarks.results import Result, Threshold


def _nothing(environment: Environment) -> None:
    pass


@dataclass(frozen=True)
class Case:
    """One table of the report.

    `keeps` lets a contender's database live through all rounds; only the final rows are compared.
    `alike` names contenders whose tables must have the same content, not only as many rows. `prepare` is done once.
    """

    name: str
    title: str
    days: int
    contenders: tuple[Contender, ...]
    accounts: int = 1
    latency_ms: int = 0
    collections: tuple[str, ...] = DEFAULT_COLLECTIONS
    repeat: int = 5
    thresholds: tuple[Threshold, ...] = ()
    keeps: bool = False
    compares: bool = True
    alike: tuple[str, ...] = ()
    prepare: Callable[[Environment], None] = _nothing

    def scaled(self, scale: float, without: Sequence[str]) -> Case:
        """The same with that share of the days (of the accounts, where these are many), and without some contenders."""
        left = tuple(contender for contender in self.contenders if contender.name not in without)
        if self.accounts > 10:
            return replace(self, contenders=left, accounts=max(4, round(self.accounts * scale)))
        return replace(self, contenders=left, days=max(3, round(self.days * scale)))


def times_as_fast_as_dlt(least: float) -> Threshold:
    """Held against the faster of its two configurations; which one that is depends on the volume."""

    def value(found: Result) -> float:
        return min(found.seconds("dlt"), found.seconds("dlt, 2 workers")) / found.seconds("ours")

    return Threshold("times as fast as dlt, the faster of the two", value, least=least)


def share_of(share: float) -> Callable[[Job], Job]:
    return lambda job: replace(job, days=max(1, round(job.days * share)))


def first_accounts(share: float) -> Callable[[Job], Job]:
    return lambda job: replace(job, accounts=job.accounts[: max(1, round(len(job.accounts) * share))])


A_THIRD = "ours, a third"
"""The tap reads 16 windows ahead; it takes a year and more to fill them."""

WIDE = (1.0, 0.5, 0.25)


def _per_account(share: float) -> str:
    return "ours" if share == 1 else f"ours, {share:.0%} of the accounts"


CASES = (
    Case(
        "first-30-days",
        "First 30 days, all collections, 1 account, 100 ms latency: extract and load",
        30,
        (OURS, DLT, DLT_WORKERS, FLOOR, STOCK, MELTANO_RUN),
        latency_ms=100,
        thresholds=(times_as_fast_as_dlt(1.5),),
    ),
    Case(
        "year",
        "One year, all collections, 1 account, 100 ms latency: extract and load",
        365,
        (OURS, DLT, DLT_WORKERS, FLOOR, STOCK, MELTANO_RUN),
        latency_ms=100,
        repeat=3,
        thresholds=(
            times_as_fast_as_dlt(3),
            Threshold("times the floor", lambda found: found.seconds("ours") / found.seconds("floor"), most=3),
        ),
    ),
    Case(
        "million",
        "1,000,000 heart-rate rows, no latency: extract and load",
        2260,
        (
            OURS,
            DLT,
            DLT_WORKERS,
            FLOOR,
            MELTANO_RUN,
            replace(OURS, name=A_THIRD, job=share_of(1 / 3)),
        ),
        collections=("heartrate",),
        repeat=3,
        thresholds=(
            times_as_fast_as_dlt(1.5),
            Threshold("MiB at the peak", lambda found: found.of("ours", "peak"), most=384),
            Threshold(
                "MiB more than for a third of the rows",
                lambda found: found.of("ours", "peak") - found.of(A_THIRD, "peak"),
                most=40,
            ),
        ),
    ),
    Case(
        "loader",
        "200,000 heart-rate rows from a file: load alone",
        450,
        (LOADER_ALONE, SLING, STOCK_LOADER, COPY),
        collections=("heartrate",),
        prepare=write_files,
    ),
    Case(
        "no-changes",
        "A run without changes, 1 account: meltano run sync",
        30,
        (Contender("ours", sync, before=collected),),
        keeps=True,
        thresholds=(
            Threshold("seconds", lambda found: found.seconds("ours"), most=6),
            Threshold("rows written", lambda found: max(run.written for run in found.runs["ours"]), most=0),
        ),
    ),
    Case(
        "changes",
        "A run with one night and one day of changes, 1 account: meltano run sync, including dbt",
        30,
        (Contender("ours", sync, before=a_day_later),),
        keeps=True,
        thresholds=(Threshold("seconds", lambda found: found.seconds("ours"), most=10),),
    ),
    Case(
        "wide",
        "1,000 accounts, 2 days, all collections: extract and load",
        2,
        (
            *(replace(OURS, name=_per_account(share), job=first_accounts(share)) for share in WIDE),
            sharded(4),
        ),
        accounts=1000,
        repeat=1,
        thresholds=(
            Threshold(
                "times a quarter's time per account",
                lambda found: found.seconds("ours") / found.seconds(_per_account(0.25)) / 4,
                most=1.15,
            ),
            Threshold(
                "times a quarter's memory",
                lambda found: found.of("ours", "peak") / found.of(_per_account(0.25), "peak"),
                most=1.25,
            ),
        ),
        alike=("ours", "ours, 4 shards"),
    ),
    Case(
        "marts",
        "One day of changes into the marts: 5 years of 10 accounts against 30 days of 1, dbt alone",
        5 * 365,
        (
            Contender(
                "30 days, 1 account",
                build,
                job=lambda job: replace(job, days=30, accounts=job.accounts[:1]),
                before=a_day_loaded,
            ),
            Contender(
                "5 years, 10 accounts, changes of 1",
                build,
                before=changes_of_one,
                environment="years",
            ),
            Contender("5 years, 10 accounts, changes of 9", build, before=changes_of_the_others, environment="years"),
        ),
        accounts=10,
        keeps=True,
        compares=False,
        repeat=3,
        thresholds=(
            Threshold(
                "times 30 days of 1, changes of 1 account",
                lambda found: found.seconds("5 years, 10 accounts, changes of 1") / found.seconds("30 days, 1 account"),
                most=1.3,
            ),
            Threshold(
                "times 30 days of 1, changes of 9 accounts",
                lambda found: found.seconds("5 years, 10 accounts, changes of 9") / found.seconds("30 days, 1 account"),
                most=1.3,
            ),
        ),
    ),
    Case(
        "profile",
        "Where our time goes: one year, all collections, 1 account, 100 ms latency",
        365,
        (
            Contender("the tap's start", lambda _: [Pipe([[TAP, "--version"]])], loads=False),
            Contender("the loader's start", lambda _: [Pipe([[LOADER, "--version"]])], loads=False),
            Contender(
                "Meltano's start", lambda environment: through_meltano(environment, "state", "list"), loads=False
            ),
            Contender(
                "the tap alone",
                lambda environment: [Pipe([tap(environment)], QUIET, sink=Path("/dev/null"))],
                loads=False,
            ),
            replace(LOADER_ALONE, name="the loader alone"),
            replace(OURS, name="tap and loader in a pipe"),
            replace(MELTANO_RUN, name="the same through meltano run"),
        ),
        latency_ms=100,
        repeat=3,
        prepare=write_files,
    ),
)
