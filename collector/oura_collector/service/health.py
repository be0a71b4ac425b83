"""The document of /health, derived from a snapshot. It reports an outage at Oura, which restarts nothing."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from oura_collector.runs.completeness import OUR_FAILURE, STATUSES

if TYPE_CHECKING:
    from oura_collector.runs.status import Collection, Snapshot

OK, DEGRADED, FAILING = "ok", "degraded", "failing"
PROFILE = "personal_info"
"""Readable with any valid token, even after the membership has lapsed, so it says nothing about the rest."""

GRACE = 900.0
"""Seconds beyond the interval before a missing run counts as overdue, so that retries have their time."""


def health(
    snapshot: Snapshot, *, up_for: float, interval: float, next_run_in: float | None, impossible: str | None = None
) -> dict[str, Any]:
    """Return the document of /health. Times are seconds; `impossible` is why no run can start."""
    accounts = [_account(user, [row for row in snapshot.collections if row.user_id == user]) for user in snapshot.users]
    overdue = _is_overdue(snapshot, up_for, interval)
    problems = list(_problems(snapshot, accounts, overdue, impossible))
    working = [account for account in accounts if account["state"] != FAILING]
    failing = not snapshot.reachable or overdue or (bool(accounts) and not working)
    return {
        "status": FAILING if failing else DEGRADED if problems else OK,
        "problems": problems,
        "database": "reachable" if snapshot.reachable else "unreachable",
        "running": snapshot.running,
        "last_collection": _instant(snapshot.last_collection),
        "next_run_in_seconds": None if next_run_in is None else round(next_run_in),
        "last_run": _last_run(snapshot),
        "days": _days(snapshot),
        "accounts": accounts,
    }


def _is_overdue(snapshot: Snapshot, up_for: float, interval: float) -> bool:
    # By the database's clock alone: ours may have been set meanwhile.
    return min(snapshot.read_at - (snapshot.last_collection or 0.0), up_for) > interval + max(interval, GRACE)


def _problems(snapshot: Snapshot, accounts: list[dict[str, Any]], overdue: bool, impossible: str | None) -> Any:
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
    for account in accounts:
        for failure in account["failing"]:
            yield f"{failure['collection']} of {account['user']}: {failure['message']}"
        if account["unknown_fields"]:
            yield f"{account['user']}: Oura sends fields that the schema does not define; the column extra keeps them"


def _account(user: str, rows: list[Collection]) -> dict[str, Any]:
    failing = [row for row in rows if row.outcome == "failed"]
    by_reason: dict[tuple[str | None, str | None], list[Collection]] = defaultdict(list)
    for row in failing:
        by_reason[row.reason, row.message].append(row)
    return {
        "user": user,
        "state": OK if not failing else DEGRADED if _anything_measured(rows) else FAILING,
        "last_success": _latest(row.last_success_at for row in rows),
        "newest_day": _latest(row.newest_day for row in rows),
        "unknown_fields": sum(row.unknown_fields for row in rows),
        "failing": [
            {
                "collection": "everything" if len(alike) == len(rows) else ", ".join(row.collection for row in alike),
                "reason": reason,
                "message": message,
                "since": min(row.failing_since for row in alike if row.failing_since).isoformat(timespec="seconds"),
            }
            for (reason, message), alike in by_reason.items()
        ],
    }


def _anything_measured(rows: list[Collection]) -> bool:
    return any(row.outcome == "succeeded" and row.collection != PROFILE for row in rows)


def _days(snapshot: Snapshot) -> dict[str, Any] | None:
    """Days of all accounts and collections: the last 30 by status, and all that the collector failed to collect."""
    if snapshot.days is None:
        return None
    recent = {status: snapshot.days.recent.get(status, 0) for status in STATUSES}
    return {"recent": recent, OUR_FAILURE: snapshot.days.failed}


def _last_run(snapshot: Snapshot) -> dict[str, Any] | None:
    if snapshot.last_run is None:
        return None
    return {
        name: value.isoformat(timespec="seconds") if isinstance(value, datetime) else value
        for name, value in snapshot.last_run.items()
    }


def _latest(moments: Any) -> str | None:
    latest = max((moment for moment in moments if moment is not None), default=None)
    return latest.isoformat() if latest else None


def _instant(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
