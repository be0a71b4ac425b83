"""The document of /health, derived from a snapshot. It reports an outage at Oura, which restarts nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from oura_collector.runs import account_status
from oura_collector.runs.account_status import DEGRADED, FAILING, OK
from oura_collector.runs.completeness import OUR_FAILURE, STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oura_collector.runs.account_status import AccountStatus
    from oura_collector.runs.status import Snapshot

__all__ = ["FAILING", "document_of", "health", "last_run_of"]

MOST_PROBLEMS = 20
"""Of accounts; `accounts` has them all."""

GRACE = 900.0
"""Seconds beyond the interval before a missing run counts as overdue, so that retries have their time."""


def health(
    snapshot: Snapshot, *, up_for: float, interval: float, next_run_in: float | None, impossible: str | None = None
) -> dict[str, Any]:
    """Return the document of /health. Times are seconds; `impossible` is why no run can start."""
    accounts = account_status.accounts(snapshot)
    overdue = _is_overdue(snapshot, up_for, interval)
    problems = list(_problems(snapshot, accounts, overdue, impossible))
    working = [account for account in accounts if account.state != FAILING]
    failing = not snapshot.reachable or overdue or (bool(accounts) and not working)
    return {
        "status": FAILING if failing else DEGRADED if problems else OK,
        "summary": account_status.summary((account.user, account.verdict) for account in accounts)
        if accounts
        else "nothing has been collected yet",
        "problems": problems,
        "database": "reachable" if snapshot.reachable else "unreachable",
        "running": snapshot.running,
        "last_collection": _instant(snapshot.last_collection),
        "next_run_in_seconds": None if next_run_in is None else round(next_run_in),
        "last_run": last_run_of(snapshot),
        "days": _days(snapshot),
        "accounts": [document_of(account) for account in accounts],
    }


def _is_overdue(snapshot: Snapshot, up_for: float, interval: float) -> bool:
    # By the database's clock alone: ours may have been set meanwhile.
    return min(snapshot.read_at - (snapshot.last_collection or 0.0), up_for) > interval + max(interval, GRACE)


def _problems(
    snapshot: Snapshot, accounts: list[AccountStatus], overdue: bool, impossible: str | None
) -> Iterator[str]:
    if not snapshot.reachable:
        yield "the database does not answer; the rest is the last known status"
    if overdue:
        yield "no run has collected for more than two intervals"
    if impossible:
        yield f"no run can start: {impossible}"
    last = snapshot.last_run
    if last and last["outcome"] in ("failed", "interrupted"):
        yield f"the last run {'was ' if last['outcome'] == 'interrupted' else ''}{last['outcome']}: {last['message']}"
    if snapshot.days and snapshot.days.failed:
        yield f"failed to collect {snapshot.days.failed} days; `collect.py repair` collects them again"
    of_accounts = [problem for account in accounts for problem in _problems_of(account)]
    yield from of_accounts[:MOST_PROBLEMS]
    if len(of_accounts) > MOST_PROBLEMS:
        yield f"and {len(of_accounts) - MOST_PROBLEMS} more, under `accounts`"


def _problems_of(account: AccountStatus) -> Iterator[str]:
    for failure in account.failures:
        yield f"{failure.what} of {account.user}: {failure.message}"
    if any(row.unknown_fields for row in account.rows):
        yield f"{account.user}: Oura sends fields that the schema does not define; the column extra keeps them"


def document_of(account: AccountStatus) -> dict[str, Any]:
    """Return an account of the document; `failing` has each cause once. Times are ISO 8601."""
    return {
        "user": account.user,
        "state": account.state,
        "last_success": account.last_success.isoformat() if account.last_success else None,
        "newest_day": account.newest_day.isoformat() if account.newest_day else None,
        "unknown_fields": sum(row.unknown_fields for row in account.rows),
        "failing": [
            {
                "collection": failure.what,
                "reason": failure.reason,
                "message": failure.message,
                "since": failure.since.isoformat(timespec="seconds") if failure.since else None,
            }
            for failure in account.failures
        ],
    }


def _days(snapshot: Snapshot) -> dict[str, Any] | None:
    """Days of all accounts and collections: the last 30 by status, and all that the collector failed to collect."""
    if snapshot.days is None:
        return None
    recent = {status: snapshot.days.recent.get(status, 0) for status in STATUSES}
    return {"recent": recent, OUR_FAILURE: snapshot.days.failed}


def last_run_of(snapshot: Snapshot) -> dict[str, Any] | None:
    """Return the last run that ended, with times as ISO 8601."""
    if snapshot.last_run is None:
        return None
    return {
        name: value.isoformat(timespec="seconds") if isinstance(value, datetime) else value
        for name, value in snapshot.last_run.items()
    }


def _instant(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
