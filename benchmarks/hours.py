"""What must have happened before an hour is measured: an account that is up to date, and some news."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from benchmarks import measure
from benchmarks.contenders import Turn, build, keep_state, pipe, through_meltano
from benchmarks.measure import Pipe
from benchmarks.place import Place


def sync(place: Place) -> list[Pipe]:
    return through_meltano(place, "run", "sync")


def collected(place: Place, turn: Turn) -> Place:
    """All is collected before the first round; then nothing happens any more."""
    if turn.number == 0:
        measure.run(sync(place), place.folder)
    return place


def a_day_later(place: Place, turn: Turn) -> Place:
    """All is collected before the first round; each round finds one more night and day at Oura."""
    if turn.number == 0:
        measure.run(sync(_ago(place, turn.left)), place.folder)
    return _ago(place, turn.left - 1)


def a_day_loaded(place: Place, turn: Turn) -> Place:
    """All is loaded, built and tested before the first round; each round finds one more day loaded."""
    if turn.number == 0:
        _load(_ago(place, turn.left))
        measure.run(build(place), place.folder)
    return the_others_news(place, turn)


def news_of_one(place: Place, turn: Turn) -> Place:
    """The same, but the new day is the first account's alone; `the_others_news` brings the rest."""
    if turn.number == 0:
        _load(_ago(place, turn.left))
        measure.run(build(place), place.folder)
    first = replace(place.job, accounts=place.job.accounts[:1])
    _load(_ago(replace(place, job=first), turn.left - 1))
    return place


def the_others_news(place: Place, turn: Turn) -> Place:
    later = _ago(place, turn.left - 1)
    _load(later)
    return later


def _ago(place: Place, days: int) -> Place:
    """The world as it was so many days ago."""
    now = place.job.now - timedelta(days=days)
    place.simulator.call("POST", "clock", {"now": now.isoformat()})
    return replace(place, job=replace(place.job, now=now))


def _load(place: Place) -> None:
    measure.run(pipe(place), place.folder)
    keep_state(place)
