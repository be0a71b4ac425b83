"""How each account is doing according to the run log, for `collect.py status` and `/health` alike."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_oura.results import spoken

from oura_collector.pipeline.result import FAILED, OF_ACCOUNT, PASSING, REJECTED, SUCCEEDED

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from oura_collector.runs.status import Collection, Snapshot

OK, DEGRADED, FAILING = "ok", "degraded", "failing"
"""Everything is read; something is; nothing is."""
PROFILE = "personal_info"
"""Readable with any valid token, even after the membership has lapsed, so it says nothing about the rest."""
EVERYTHING = spoken("*")

FINE, WAITING, NEEDS, UNTRIED, UNKNOWN = "fine", "waiting", "needs_somebody", "not_collected", "unknown"
WORDS = {
    WAITING: "failing for now, the next run tries again",
    UNTRIED: "not collected yet",
    UNKNOWN: "not known without the database",
    NEEDS: "need somebody",
}
MOST_NAMES = 10
"""Accounts that a summary names."""


@dataclass(frozen=True)
class Failure:
    """What fails alike: the names of collections, or `everything`."""

    what: str
    reason: str
    message: str
    since: datetime | None


@dataclass(frozen=True)
class AccountStatus:
    """One account: its collections, and what of them fails, each cause once."""

    user: str
    rows: tuple[Collection, ...]
    failures: tuple[Failure, ...]

    @property
    def state(self) -> str:
        """OK, DEGRADED or FAILING."""
        if not self.failures:
            return OK
        measured = any(row.outcome == SUCCEEDED and row.collection != PROFILE for row in self.rows)
        return DEGRADED if measured and not any(each.what == EVERYTHING for each in self.failures) else FAILING

    @property
    def are_credentials_rejected(self) -> bool:
        return any(failure.reason in REJECTED for failure in self.failures)

    @property
    def verdict(self) -> str:
        """FINE, WAITING or NEEDS."""
        if not self.failures:
            return FINE
        return WAITING if all(failure.reason in PASSING for failure in self.failures) else NEEDS

    @property
    def last_success(self) -> datetime | None:
        return max((row.last_success_at for row in self.rows if row.last_success_at), default=None)

    @property
    def newest_day(self) -> date | None:
        return max((row.newest_day for row in self.rows if row.newest_day), default=None)


def accounts(snapshot: Snapshot) -> list[AccountStatus]:
    """Return the accounts of the run log, by name."""
    rows: defaultdict[str, list[Collection]] = defaultdict(list)
    for row in snapshot.collections:
        rows[row.user_id].append(row)
    return [AccountStatus(user, tuple(rows[user]), tuple(_failures(rows[user]))) for user in sorted(rows)]


def summary(verdicts: Iterable[tuple[str, str]]) -> str:
    """Return a line such as `3 accounts: 2 fine, 1 needs somebody: user-2`, from pairs of account and verdict."""
    by_verdict: defaultdict[str, list[str]] = defaultdict(list)
    for user, verdict in verdicts:
        by_verdict[verdict].append(user)
    count, fine = sum(map(len, by_verdict.values())), len(by_verdict[FINE])
    parts = [
        f"{len(users)} {'needs somebody' if verdict == NEEDS and len(users) == 1 else words}: {names(users)}"
        for verdict, words in WORDS.items()
        if (users := by_verdict[verdict])
    ]
    if fine:
        parts = [f"{fine} fine"] if not parts else [f"{fine} fine, {parts[0]}", *parts[1:]]
    return f"{count} account{'' if count == 1 else 's'}: {'; '.join(parts)}"


def names(users: list[str]) -> str:
    """Return some names for a message."""
    more = f" and {len(users) - MOST_NAMES} more" if len(users) > MOST_NAMES else ""
    return ", ".join(users[:MOST_NAMES]) + more


def _failures(rows: list[Collection]) -> Iterable[Failure]:
    alike: defaultdict[tuple[str, str], list[Collection]] = defaultdict(list)
    for row in rows:
        if row.outcome == FAILED:
            alike[row.reason or "error", row.message or ""].append(row)
    measured = {row.collection for row in rows} - {PROFILE}
    for (reason, message), failing in alike.items():
        named = [row.collection for row in failing]
        is_whole = reason in OF_ACCOUNT or (len(rows) > 1 and measured <= {*named})
        what = EVERYTHING if is_whole else ", ".join(map(spoken, named))
        yield Failure(
            what, reason, message, min((row.failing_since for row in failing if row.failing_since), default=None)
        )
