"""The types of command-line options, and which options go together."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import click
from tap_oura.catalog.collections import COLLECTIONS
from tap_oura.text import is_text

from oura_collector.runs.backfill import Span

FIRST, LAST = 2000, 2199
"""Years that leave room for date arithmetic on either side."""


class Day(click.ParamType[date]):
    """A day such as 2024-01-31."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        try:
            day = date.fromisoformat(value)
        except ValueError:
            self.fail(f"'{value}' is not a date; write it as 2024-01-31", param, ctx)
        if not FIRST <= day.year <= LAST:
            self.fail(f"{value} is out of range; use a year from {FIRST} to {LAST}", param, ctx)
        return day


class Names(click.ParamType[tuple[str, ...]]):
    """Names of collections, separated by commas."""

    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        names = tuple(name.strip() for name in value.split(",") if name.strip())
        known = sorted(COLLECTIONS)
        if not names:  # Such as from a variable of the shell that is not set.
            self.fail("no collection given; omit the option for all", param, ctx)
        for name in names:
            if name not in known:
                self.fail(f"there is no collection '{name}'; the names are {', '.join(known)}", param, ctx)
        return names


class Text(click.ParamType[str]):
    """Any text. The shell passes bytes, which may not be text."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not is_text(value):
            self.fail("this is not UTF-8 text; write it in that encoding", param, ctx)
        return str(value)


DAY, NAMES, TEXT = Day(), Names(), Text()


def span(
    *,
    once: bool,
    force: bool,
    start_date: date | None,
    end_date: date | None,
    collections: tuple[str, ...] | None,
    users: tuple[str, ...],
) -> Span | None:
    """Return the requested range, None for a live run. Raises click.UsageError for options that exclude each other."""
    if once and force:
        raise click.UsageError("--once and --force exclude each other; choose one")
    if start_date is None:
        for option, value in (("--end-date", end_date), ("--collections", collections), ("--user", users)):
            if value:
                raise click.UsageError(f"{option} needs --start-date: it selects a part of a date range")
        return None
    if once or force:
        raise click.UsageError("--start-date collects a date range; omit --once and --force")
    last = end_date or datetime.now(UTC).date()
    if start_date > last:
        raise click.UsageError(f"--start-date {start_date} is after --end-date {last}")
    return Span(start_date, last, collections or (), users)
