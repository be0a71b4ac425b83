"""What `collect.py status` shows: a summary, each failure once, and never that a dead token works."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
import pytest
from oura_collector.accounts.credential_state import CredentialState
from oura_collector.commands.status import Report, report
from oura_collector.pipeline.result import OF_ACCOUNT
from oura_collector.runs.status import Snapshot
from oura_collector.service.health import MOST_PROBLEMS
from tap_oura.catalog.collections import DEFAULT_COLLECTIONS
from tap_oura.credentials.vault import StoreFailed
from tap_oura.errors import AccountFailed

from .test_health import health_of, row
from .test_health import snapshot as snapshot_of

if TYPE_CHECKING:
    from oura_collector.runs.status import Collection

    from .conftest import Collect

ENDED = datetime(2026, 3, 31, 11, 30, tzinfo=UTC)
COUNT = 40


def user(number: int) -> str:
    return f"user-{number}"


def all_of(name: str, reason: str | None = None, *read: str) -> list[Collection]:
    """All collections of an account, failed for a reason but for those that were `read` before."""
    return [row(name, each, None if each in read else reason) for each in DEFAULT_COLLECTIONS]


def snapshot(*rows: Collection) -> Snapshot:
    run = {"outcome": "partial", "finished_at": ENDED, "nothing_new": False, "message": None, "reason": None}
    return replace(snapshot_of(*rows), last_run=run)


def shown(rows: list[Collection], **states: str) -> Report:
    """The report on 40 accounts whose tokens work, as far as the store knows."""
    known = [CredentialState(user(number), "works") for number in range(1, COUNT + 1)]
    known = [replace(each, state=states.get(str(each.user).replace("-", "_"), each.state)) for each in known]
    return report(known, snapshot(*rows), None)


def of_forty(**failing: str) -> list[Collection]:
    names = [user(number) for number in range(1, COUNT + 1)]
    return [each for name in names for each in all_of(name, failing.get(name.replace("-", "_")))]


def text(found: Report, *, detailed: bool = False) -> list[str]:
    return list(found.text(detailed=detailed))


def test_forty_accounts_are_a_summary_and_a_line_per_failure() -> None:
    lines = text(shown(of_forty(user_4="token", user_7="consent", user_9="membership")))

    assert lines[0] == "40 accounts: 37 fine, 3 need somebody: user-4, user-7, user-9"
    assert [line.partition(" (since")[0] for line in lines[2:5]] == [f"user-{n}: everything" for n in (4, 7, 9)]
    assert ": because of token; replace it or log in: " in lines[2]
    assert lines[2].endswith("collect.py login --user user-4")
    assert lines[3].endswith(": because of consent")
    assert len(lines) <= 10


def test_without_failures_the_accounts_are_one_line() -> None:
    lines = text(shown(of_forty()))

    assert lines[0] == "40 accounts: 40 fine"
    assert shown(of_forty()).is_whole
    assert len(lines) == 3  # A line is empty, one is of the last run.


def test_what_passes_by_itself_needs_nobody() -> None:
    found = shown(of_forty(user_1="server", user_2="scope"))

    assert text(found)[0] == (
        "40 accounts: 38 fine, 1 failing for now, the next run tries again: user-1; 1 needs somebody: user-2"
    )
    assert not found.is_whole


def test_the_output_is_bounded_however_many_accounts_fail() -> None:
    found = shown(of_forty(**{f"user_{number}": "token" for number in range(1, COUNT + 1)}))

    lines = text(found)
    assert lines[0].endswith("user-18 and 30 more")
    assert "and 20 more: see status --json, or --user NAME" in lines
    assert len(lines) < 30
    assert len(health_of(found.snapshot or Snapshot())["problems"]) == MOST_PROBLEMS + 1


@pytest.mark.parametrize("reason", ["token", "consent", "store"])
@pytest.mark.parametrize("read", [(), ("daily_activity", "daily_sleep", "personal_info")])
def test_a_dead_token_never_works_even_if_it_died_during_the_run(reason: str, read: tuple[str, ...]) -> None:
    rows = all_of("user-1", reason, *read)
    found = report([CredentialState("user-1", "works")], snapshot(*rows), None)

    (account,) = found.document(detailed=False)["accounts"]
    assert account["credentials"]["state"] == "rejected"
    assert account["verdict"] == "needs_somebody"
    assert [failure["collection"] for failure in account["failing"]] == ["everything"]
    assert "works" not in "\n".join([*text(found), *text(found, detailed=True)])
    health = health_of(snapshot(*rows))
    assert health["accounts"][0]["state"] == "failing"
    assert health["problems"] == [f"everything of user-1: because of {reason}"]
    assert health["summary"] == "1 account: 1 needs somebody: user-1"


def test_a_login_after_the_failed_run_leaves_the_rest_to_the_next_run() -> None:
    later = CredentialState("user-1", "works", last_refresh=ENDED + timedelta(minutes=1))
    (account,) = report([later], snapshot(*all_of("user-1", "consent")), None).accounts

    assert (account.credential_state, account.verdict) == ("works", "waiting")


def test_the_account_that_the_settings_do_not_name_is_the_one_that_the_run_log_knows() -> None:
    dead = report([CredentialState(None, "works")], snapshot(*all_of("user-1", "token")), None)
    new = report([CredentialState(None, "works")], None, None)

    assert [(each.user, each.credential_state) for each in dead.accounts] == [("user-1", "rejected")]
    assert [(each.user, each.credential_state) for each in new.accounts] == [("the only account", "untested")]


def test_a_lost_consent_is_told_once_and_names_the_login() -> None:
    lines = text(shown(of_forty(user_3="consent"), user_3="lost"))

    (line,) = [line for line in lines if line.startswith("user-3")]
    assert "its credentials are lost; log in: " in line
    assert line.endswith("collect.py login --user user-3")


def test_a_lapsed_membership_is_one_failure_although_the_profile_can_be_read() -> None:
    health = health_of(snapshot(*all_of("user-1", "membership", "personal_info")))

    assert health["problems"] == ["everything of user-1: because of membership"]


def test_user_shows_everything_about_one_account() -> None:
    found = shown(of_forty(user_4="token")).only("user-4")

    lines = text(found, detailed=True)
    assert lines[0] == "1 account: 1 needs somebody: user-4"
    assert "credentials   rejected" in lines
    assert sum("because of token" in line for line in lines) == 1
    assert sum(line.endswith("  fails") for line in lines) == len(DEFAULT_COLLECTIONS)
    assert len(found.document(detailed=True)["accounts"][0]["collections"]) == len(DEFAULT_COLLECTIONS)


def test_an_unknown_account_is_one_short_line() -> None:
    with pytest.raises(click.UsageError, match=r"there is no account 'x'; the accounts are: user-1, .* and 30 more"):
        shown(of_forty()).only("x")


def test_a_failed_build_is_wrong_although_every_account_is_fine() -> None:
    run = {"outcome": "failed", "finished_at": ENDED, "nothing_new": False, "message": "model oura_sleep: gone"}
    found = report([CredentialState("user-1", "works")], replace(snapshot(row()), last_run=run))

    assert text(found) == ["1 account: 1 fine", "", "last run: failed, 2026-03-31 11:30 UTC: model oura_sleep: gone"]
    assert not found.is_whole


def test_without_the_database_nothing_is_called_fine() -> None:
    known = [CredentialState("user-1", "works")]

    assert text(report(known, Snapshot(), None)) == [
        "1 account: 1 not known without the database: user-1",
        "",
        "the database does not answer",
    ]


def test_the_reasons_of_a_whole_account_are_those_of_the_tap() -> None:
    assert {error.reason for error in [*AccountFailed.__subclasses__(), StoreFailed]} == OF_ACCOUNT


def test_json_is_one_document_with_the_same_truth(collect: Collect) -> None:
    mapping: dict[str, Any] = {"MULTI_USER_MODE": "true", "USER_MAPPING": "account-1: token-1\naccount-2\n"}
    done = collect("status", "--json", **mapping)
    document = json.loads(done.stdout)

    assert done.returncode == 1
    assert document["summary"] == ("2 accounts: 1 not collected yet: account-1; 1 needs somebody: account-2")
    assert [each["credentials"]["state"] for each in document["accounts"]] == ["untested", "missing"]
    assert not document["ok"]
    assert "token-1" not in done.stdout
