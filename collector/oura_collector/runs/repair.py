"""`collect.py repair`: collects the days that a failure left missing."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import TYPE_CHECKING

import structlog

from oura_collector.pipeline.result import SUCCEEDED, Result
from oura_collector.runs.backfill import Span, backfill
from oura_collector.runs.completeness import Day, failed_days

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from oura_collector.runs.runner import Runner

logger = structlog.get_logger(__name__)


def repair(runner: Runner, *, wait: bool = False) -> Result:
    """Collect the missing days and build the tables; without any, nothing runs. Raises Busy, SettingsError."""
    with runner.database.connect() as connection:
        days = failed_days(connection)
    spans = gaps(of_the_settings(runner, days))
    logger.info("repair", days=len(days), gaps=len(spans))
    return backfill(runner, *spans, wait=wait) if spans else Result(SUCCEEDED)


def of_the_settings(runner: Runner, days: Collection[Day]) -> list[Day]:
    """Return the days of accounts that can be collected, and log the other accounts. Raises SettingsError."""
    named = {account.user for account in runner.tap().accounts}
    # Only Oura knows the name of an account that the settings do not name.
    gone = sorted({user for user, *_ in days} - named) if None not in named else []
    if gone:
        logger.warning("not repaired: these accounts are no longer in the settings", accounts=gone)
    return [day for day in days if day[0] not in gone]


def gaps(days: Iterable[Day]) -> list[Span]:
    """Return spans that cover exactly these days, adjacent days joined, oldest first."""
    lacking: defaultdict[tuple[str, str], list[date]] = defaultdict(list)
    for user, collection, day in sorted(days):
        lacking[user, collection].append(day)
    collections: defaultdict[tuple[date, date, str], list[str]] = defaultdict(list)
    for (user, collection), own in lacking.items():
        for first, last in _ranges(own):
            collections[first, last, user].append(collection)
    users: defaultdict[tuple[date, date, tuple[str, ...]], list[str]] = defaultdict(list)
    for (first, last, user), names in collections.items():
        users[first, last, tuple(names)].append(user)
    return [Span(first, last, names, tuple(who)) for (first, last, names), who in sorted(users.items())]


def _ranges(days: list[date]) -> list[tuple[date, date]]:
    """Join adjacent days, given in order."""
    found: list[tuple[date, date]] = []
    for day in days:
        if found and day - found[-1][1] <= timedelta(days=1):
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found
