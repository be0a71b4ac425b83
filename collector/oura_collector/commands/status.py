"""`collect.py status`: the credentials of each account beside what the run log knows of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from oura_collector.accounts.credential_state import BROKEN, CredentialState
from oura_collector.accounts.tap_config import LOGIN
from oura_collector.pipeline.result import FAILED, INTERRUPTED
from oura_collector.runs import account_status
from oura_collector.runs.account_status import FINE, NEEDS, UNKNOWN, UNTRIED, WAITING, AccountStatus, Failure, names
from oura_collector.runs.completeness import RECENT_DAYS, STATUSES
from oura_collector.service.health import document_of, last_run_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from oura_collector.runs.status import Snapshot

MOST_LINES = 20
"""Failures that `status` shows without `--user` or `--json`."""
LONGEST = 300
"""Characters of a failure's message."""

REJECTED = "rejected"
UNTESTED = "untested"
NAMELESS = "the only account"


@dataclass(frozen=True)
class Account:
    """An account as the settings and the run log know it; either may not."""

    user: str
    credentials: CredentialState | None
    found: AccountStatus | None
    verdict: str
    credential_state: str
    """`works` only if nothing speaks against it: what a run saw counts more than what the store contains."""


@dataclass(frozen=True)
class Report:
    """What `status` shows. `snapshot` is None if no database was chosen yet; `obstacle` prevents a run."""

    accounts: list[Account]
    snapshot: Snapshot | None
    obstacle: str | None
    next_step: str
    """What to do while there are no accounts."""

    @property
    def is_whole(self) -> bool:
        if self.snapshot and (not self.snapshot.reachable or _has_failed(self.snapshot)):
            return False
        return not self.obstacle and all(each.verdict in (FINE, UNTRIED) for each in self.accounts)

    def only(self, user: str) -> Report:
        """Return the report of one account. Raises click.UsageError."""
        chosen = [account for account in self.accounts if account.user == user]
        if not chosen:
            known = names([account.user for account in self.accounts]) or "none yet"
            raise click.UsageError(f"--user: there is no account '{user}'; the accounts are: {known}")
        return replace(self, accounts=chosen)

    def text(self, *, detailed: bool) -> Iterator[str]:
        """Yield lines for people: some for a failure, or with `detailed` all about the accounts."""
        if self.accounts:
            yield account_status.summary((account.user, account.verdict) for account in self.accounts)
        else:
            yield f"No accounts yet: {self.next_step}"
        if detailed:
            for account in self.accounts:
                yield from _details(account)
        else:
            told = [f"{each.user}: {line}" for each in self.accounts for line in _problems(each)]
            yield from ["", *told[:MOST_LINES]] if told else []
            if len(told) > MOST_LINES:
                yield f"and {len(told) - MOST_LINES} more: see status --json, or --user NAME"
        if self.snapshot:
            yield from ["", *_runs(self.snapshot)]
        if self.obstacle:
            yield from ["", f"no run is possible: {self.obstacle}"]

    def document(self, *, detailed: bool) -> dict[str, Any]:
        """Return the same for machines, with each collection if `detailed`; times are ISO 8601."""
        return {
            "summary": account_status.summary((each.user, each.verdict) for each in self.accounts)
            if self.accounts
            else "no accounts yet",
            "ok": self.is_whole,
            "database": "none" if not self.snapshot else "reachable" if self.snapshot.reachable else "unreachable",
            "no_run_possible": self.obstacle,
            "last_run": last_run_of(self.snapshot) if self.snapshot else None,
            "accounts": [_document(account, detailed=detailed) for account in self.accounts],
        }


def report(
    states: list[CredentialState], snapshot: Snapshot | None, obstacle: str | None = None, next_step: str = ""
) -> Report:
    """Bring together what the settings and the run log say of each account."""
    found = {each.user: each for each in (account_status.accounts(snapshot) if snapshot else [])}
    of_others = [user for user in found if user not in {state.user for state in states}]
    # The settings may leave one account without a name, which a run asks Oura for.
    nameless = of_others[0] if len(of_others) == 1 else NAMELESS
    named = {state.user or nameless: state for state in states}
    return Report(
        [_account(user, named.get(user), found.get(user), snapshot) for user in sorted({*named, *found})],
        snapshot,
        obstacle,
        next_step,
    )


def _account(
    user: str, credentials: CredentialState | None, found: AccountStatus | None, snapshot: Snapshot | None
) -> Account:
    state = credentials.state if credentials else "not in the settings"
    verdict = found.verdict if found else UNTRIED
    if snapshot and not snapshot.reachable:
        verdict = UNKNOWN
    if credentials and found and found.are_credentials_rejected and state not in BROKEN:
        if _is_newer(credentials, snapshot):
            verdict = WAITING
        else:
            state = REJECTED
    elif state == "works" and not found and not (credentials and credentials.last_refresh):
        state = UNTESTED
    return Account(user, credentials, found, NEEDS if state in BROKEN else verdict, state)


def _is_newer(credentials: CredentialState, snapshot: Snapshot | None) -> bool:
    """Whether these came after the run in which the account failed."""
    ended: datetime | None = (snapshot.last_run or {}).get("finished_at") if snapshot else None
    return bool(credentials.last_refresh and ended and credentials.last_refresh > ended)


def _problems(account: Account) -> Iterator[str]:
    """Yield what is wrong with an account, each cause once."""
    credentials = account.credentials
    login = LOGIN if account.user == NAMELESS else f"{LOGIN} --user {quote(account.user)}"
    if credentials and account.credential_state in BROKEN:
        yield credentials.problem or f"its credentials are {account.credential_state}; log in: {login}"
        if account.found and account.found.are_credentials_rejected:
            return
    for failure in account.found.failures if account.found else ():
        is_token = failure.reason == "token" and account.verdict == NEEDS
        yield _told(failure) + (f"; replace it or log in: {login}" if is_token else "")


def _told(failure: Failure) -> str:
    since = f" (since {_minute(failure.since)})" if failure.since else ""
    return f"{failure.what}{since}: {failure.message[:LONGEST]}"


def _details(account: Account) -> Iterator[str]:
    yield ""
    known = account.credentials
    scopes = "unknown" if known is None or known.scopes is None else " ".join(known.scopes) or "none"
    yield f"credentials   {account.credential_state}"
    yield f"valid until   {_minute(known.valid_until if known else None)}"
    yield f"last refresh  {_minute(known.last_refresh if known else None)}"
    yield f"scopes        {scopes}"
    yield from _problems(account)
    rows = account.found.rows if account.found else ()
    width = max((len(row.collection) for row in rows), default=0)
    for row in rows:
        line = f"  {row.collection:{width}}  newest day {row.newest_day or '-'!s:10}"
        yield f"{line}  last success {_minute(row.last_success_at)}" + ("  fails" if row.outcome == FAILED else "")


def _document(account: Account, *, detailed: bool) -> dict[str, Any]:
    known = account.credentials
    document = {
        "user": account.user,
        "verdict": account.verdict,
        "failing": [],
        "credentials": {
            "state": account.credential_state,
            "problem": known.problem if known else None,
            "valid_until": _iso(known.valid_until if known else None),
            "last_refresh": _iso(known.last_refresh if known else None),
            "scopes": known.scopes if known else None,
        },
        **(document_of(account.found) if account.found else {}),
    }
    if detailed:
        document["collections"] = [
            {
                "collection": row.collection,
                "outcome": row.outcome,
                "reason": row.reason,
                "newest_day": row.newest_day.isoformat() if row.newest_day else None,
                "last_success": _iso(row.last_success_at),
            }
            for row in (account.found.rows if account.found else ())
        ]
    return document


def _runs(snapshot: Snapshot) -> Iterator[str]:
    if not snapshot.reachable:
        yield "the database does not answer"
        return
    if not snapshot.collections:
        yield "nothing has been collected yet"
    if run := snapshot.last_run:
        nothing_new = "; nothing new" if run["nothing_new"] else ""
        why = f": {run['message'][:LONGEST]}" if run["outcome"] in (FAILED, INTERRUPTED) and run["message"] else ""
        yield f"last run: {run['outcome']}, {_minute(run['finished_at'])}{nothing_new}{why}"
    if days := snapshot.days:
        counts = ", ".join(f"{days.recent[status]} {status}" for status in STATUSES if days.recent.get(status))
        yield f"last {RECENT_DAYS} days of all collections: {counts or 'none'}"
        if days.failed:
            yield f"failed to collect {days.failed} days; collect them again: collect.py repair"


def _has_failed(snapshot: Snapshot) -> bool:
    """Whether the last run failed as a whole, which no account need have noticed: dbt may have failed."""
    return (snapshot.last_run or {}).get("outcome") == FAILED


def _minute(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M %Z}" if moment else "unknown"


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
