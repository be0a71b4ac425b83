"""Prepares incremental runs: an account that is up to date, and changes at Oura since then."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from benchmarks import measure
from benchmarks.contenders import Turn, build, keep_state, pipe, through_meltano
from benchmarks.environment import Environment
from benchmarks.measure import Pipe


def sync(environment: Environment) -> list[Pipe]:
    return through_meltano(environment, "run", "sync")


def collected(environment: Environment, turn: Turn) -> Environment:
    """Everything is collected before the first round; after it nothing changes."""
    if turn.number == 0:
        measure.run(sync(environment), environment.folder)
    return environment


def a_day_later(environment: Environment, turn: Turn) -> Environment:
    """Everything is collected before the first round; each round finds one more night and day at Oura."""
    if turn.number == 0:
        measure.run(sync(_ago(environment, turn.left)), environment.folder)
    return _ago(environment, turn.left - 1)


def a_day_loaded(environment: Environment, turn: Turn) -> Environment:
    """Everything is loaded, built and tested before the first round; each round finds one more day loaded."""
    if turn.number == 0:
        _load(_ago(environment, turn.left))
        measure.run(build(environment), environment.folder)
    return changes_of_the_others(environment, turn)


def changes_of_one(environment: Environment, turn: Turn) -> Environment:
    """The same, but the new day is the first account's alone; `changes_of_the_others` brings the rest."""
    if turn.number == 0:
        _load(_ago(environment, turn.left))
        measure.run(build(environment), environment.folder)
    first = replace(environment.job, accounts=environment.job.accounts[:1])
    _load(_ago(replace(environment, job=first), turn.left - 1))
    return environment


def changes_of_the_others(environment: Environment, turn: Turn) -> Environment:
    later = _ago(environment, turn.left - 1)
    _load(later)
    return later


def _ago(environment: Environment, days: int) -> Environment:
    """Set the simulator's clock that many days back and return the environment as of then."""
    now = environment.job.now - timedelta(days=days)
    environment.simulator.call("POST", "clock", {"now": now.isoformat()})
    return replace(environment, job=replace(environment.job, now=now))


def _load(environment: Environment) -> None:
    measure.run(pipe(environment), environment.folder)
    keep_state(environment)
