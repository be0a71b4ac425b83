"""The tap with OAuth2 accounts: the effect of a 401, and which account fails."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ..conftest import Run
    from .conftest import Oura

PAIR = ("user", "client_id", "client_secret", "refresh_token")


@pytest.fixture
def config(oura: Oura, tmp_path: Path) -> dict[str, Any]:
    return {
        "api_url": oura.url,
        "accounts": [{name: oura.account(user)[name] for name in PAIR} for user in ("user-1", "user-2")],
        "collections": ["daily_sleep", "heartrate", "personal_info"],
        "token_store": str(tmp_path / "credentials"),
        "login_command": "collect.py login",
        "max_retries": 0,
    }


def successful_refreshes(oura: Oura, user: str = "user-1") -> int:
    return [request["status"] for request in oura.refreshes(user)].count(200)


def test_a_missing_scope_never_causes_a_refresh(oura: Oura, run: type[Run], config: dict[str, Any]) -> None:
    run(config)
    oura.admin("scopes", user="user-1", scopes=["daily", "personal"])

    end = run(config)

    assert successful_refreshes(oura) == 1
    assert len(end.failures) == 1
    assert "heartrate of user-1" in end.failures[0]
    assert "scope" in end.failures[0]
    assert end.of("personal_info", "user-1")


def test_a_token_that_expires_early_is_refreshed_once_and_nothing_is_missing(
    oura: Oura, run: type[Run], config: dict[str, Any]
) -> None:
    whole = run(config)
    oura.expire("user-1")

    end = run(config)

    assert (end.code, successful_refreshes(oura)) == (0, 2)
    assert {name: len(rows) for name, rows in end.records.items()} == {
        name: len(rows) for name, rows in whole.records.items()
    }


def test_a_401_with_a_new_token_is_a_missing_scope(oura: Oura, run: type[Run], config: dict[str, Any]) -> None:
    oura.fault("expired_401", user="user-1", collection="heartrate")

    end = run(config)

    assert successful_refreshes(oura) <= 2
    assert [failure.partition(",")[0] for failure in end.failures] == ["heartrate of user-1"]
    assert end.of("personal_info", "user-1")
    assert end.of("daily_sleep", "user-1")


def test_a_dead_account_is_named_with_its_remedy_and_stops_no_other(
    oura: Oura, run: type[Run], config: dict[str, Any]
) -> None:
    run(config)
    oura.admin("revoke", user="user-1")

    end = run(config)

    assert end.code == 1
    assert len(end.failures) == 1
    assert "everything of user-1" in end.failures[0]
    assert end.failures[0].endswith("run: collect.py login --user user-1")
    assert end.of("personal_info", "user-2")
    failed = [record for record in end.records["collection_failures"] if not record["recovered_at"]]
    assert [(record["user_id"], record["reason"]) for record in failed] == [("user-1", "consent")]


def test_the_name_of_an_unnamed_account_is_requested_once(oura: Oura, run: type[Run], config: dict[str, Any]) -> None:
    single = {name: value for name, value in config.items() if name != "accounts"}
    single |= {name: oura.account("user-1")[name] for name in PAIR if name != "user"}
    single["collections"] = ["daily_sleep"]

    first, second = run(single), run(single)

    assert first.of("daily_sleep", "user-1")
    assert second.of("daily_sleep", "user-1")
    name_requests = [request for request in oura.requests() if request["path"].endswith("/personal_info")]
    assert (len(name_requests), successful_refreshes(oura)) == (1, 1)


def test_rows_of_two_accounts_do_not_mix(oura: Oura, run: type[Run], config: dict[str, Any]) -> None:
    end = run({**config, "collections": ["daily_sleep"]})

    for user in ("user-1", "user-2"):
        ours = {document["id"] for document in oura.documents(user, "daily_sleep")}
        assert {record["id"] for record in end.of("daily_sleep", user)} <= ours
        assert end.of("daily_sleep", user)
