"""Backfill: collects a date range again, in pieces, resumable, without using or moving the bookmarks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import structlog

from oura_collector.database.choice import prepare
from oura_collector.database.migrations import migrate
from oura_collector.pipeline.result import (
    DATABASE,
    DBT,
    DISK,
    FAILED,
    INTERRUPTED,
    LOAD,
    LOADER,
    PARTIAL,
    SETTINGS,
    SUCCEEDED,
    TAP,
    Result,
)
from oura_collector.runs.run_log import BACKFILL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oura_collector.runs.runner import Runner

logger = structlog.get_logger(__name__)

PIECE_DAYS = 60
"""Days in one Meltano run: many enough that its startup does not matter, few enough to lose little when killed."""

# Neither reads nor writes the state, so the bookmarks do not change.
READ = ["run", "--force", "--full-refresh", "--no-state-update", TAP, LOADER]
BUILD = ["run", f"{DBT}:marts"]
HOPELESS = (SETTINGS, DATABASE, DISK, LOAD, INTERRUPTED)
"""Reasons for which the next piece would fail too."""


@dataclass(frozen=True)
class Span:
    """The days from `first` to `last`, both included, of some collections and accounts (none named: all)."""

    first: date
    last: date
    collections: tuple[str, ...] = ()
    users: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name by which an interrupted backfill is resumed."""
        chosen = [",".join(sorted(names)) or "all" for names in (self.collections, self.users)]
        return " ".join([f"{self.first} to {self.last}", *chosen])

    def pieces(self) -> Iterator[tuple[date, date]]:
        """Yield the pieces, oldest first."""
        first = self.first
        while first <= self.last:
            last = min(first + timedelta(days=PIECE_DAYS - 1), self.last)
            yield first, last
            first = last + timedelta(days=1)

    def environment(self, unwanted: list[str]) -> dict[str, str]:
        """Return the tap's settings for this span, dates apart."""
        # `collection_failures` is about scheduled runs; a backfill keeps its own progress.
        left_out = [] if self.collections else unwanted  # Who names a collection wants it.
        chosen = {"TAP_OURA__SELECT_FILTER": json.dumps([*left_out, "!collection_failures"])}
        if self.collections:
            chosen["TAP_OURA_COLLECTIONS"] = json.dumps(list(self.collections))
        if self.users:
            chosen["TAP_OURA_USERS"] = json.dumps(list(self.users))
        return chosen


def backfill(runner: Runner, *spans: Span, wait: bool = False) -> Result:
    """Collect the spans and build the tables. Pieces that an earlier call of the same span finished are skipped.

    Each piece takes the lock, so that other runs can take place in between. Raises Busy before the first piece only.
    """
    whole: list[Progress] = []
    failed: list[Result] = []
    for span in spans:
        progress = Progress(runner, span)
        results = list(_pieces(runner, span, progress, wait=wait))
        wait = wait or bool(results)
        lost = [result for result in results if result.outcome != SUCCEEDED]
        if lost and lost[-1].outcome in (FAILED, INTERRUPTED) and lost[-1].reason in HOPELESS:
            return lost[-1]
        failed += lost
        whole += [] if lost else [progress]
    built = runner.step(BACKFILL, BUILD, wait=wait)
    if built.outcome == SUCCEEDED:
        for progress in whole:
            progress.close()
    if failed:
        return Result(PARTIAL, failed[0].reason, failed[0].message, sum((r.collections for r in failed), ()))
    return built


def _pieces(runner: Runner, span: Span, progress: Progress, *, wait: bool) -> Iterator[Result]:
    """Collect the remaining pieces of a span, until one fails for a reason that the next would share."""
    due = progress.open()
    done = len(list(span.pieces())) - len(due)
    if done:
        logger.info("backfill resumed", span=span.name, done=done, left=len(due))
    unwanted = json.loads(runner.tap().variables.get("TAP_OURA__SELECT_FILTER", "[]"))
    for number, days in enumerate(due, start=1):
        dates = {"TAP_OURA_START_DATE": days[0].isoformat(), "TAP_OURA_END_DATE": days[1].isoformat()}
        environment = {**span.environment(unwanted), **dates}
        result = runner.step(BACKFILL, READ, days=days, extra=environment, wait=wait or number > 1)
        if result.outcome == SUCCEEDED:
            progress.done(days)
        logger.info("backfill piece", span=span.name, piece=done + number, of=done + len(due), outcome=result.outcome)
        yield result
        if result.outcome in (FAILED, INTERRUPTED) and result.reason in HOPELESS:
            return


class Progress:
    """The finished pieces of a span, kept in the database until the whole span is finished."""

    def __init__(self, runner: Runner, span: Span) -> None:
        self._database, self._span = runner.database, span

    def open(self) -> list[tuple[date, date]]:
        """Return the remaining pieces."""
        prepare(self._database)
        with self._database.connect() as connection:
            migrate(connection)
            for piece in self._span.pieces():
                connection.execute(
                    "INSERT INTO oura_collector.backfill_pieces VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                    [self._span.name, *piece],
                )
            left = connection.execute(
                "SELECT first_day, last_day FROM oura_collector.backfill_pieces "
                "WHERE backfill = %s AND done_at IS NULL ORDER BY first_day",
                [self._span.name],
            ).fetchall()
        return [(first, last) for first, last in left]

    def done(self, piece: tuple[date, date]) -> None:
        with self._database.connect() as connection:
            connection.execute(
                "UPDATE oura_collector.backfill_pieces SET done_at = now() WHERE backfill = %s AND first_day = %s",
                [self._span.name, piece[0]],
            )

    def close(self) -> None:
        with self._database.connect() as connection:
            connection.execute("DELETE FROM oura_collector.backfill_pieces WHERE backfill = %s", [self._span.name])
