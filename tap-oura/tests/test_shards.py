"""Several taps share the accounts: each account is read by exactly one of them, always the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oura_simulator.testing import Running, running
from tap_oura.accounts import Account, Static
from tap_oura.errors import SettingsError
from tap_oura.shards import Shard, position

SIX = ("account-5", "account-1", "account-3", "account-2", "account-4", "account-7")
"""In shards 3, 0, 2, 1, 1 and 2 of four."""
NAMES = st.text(min_size=1, max_size=40)
COUNTS = st.integers(min_value=1, max_value=64)
SHARDS = 4


def account(name: str | None, *, is_named: bool = True) -> Account:
    return Account(name, Static("token"), is_named)


@given(NAMES, COUNTS)
def test_every_account_is_in_exactly_one_shard(name: str, count: int) -> None:
    assert [Shard(index, count).holds(account(name)) for index in range(count)].count(True) == 1


@given(st.lists(NAMES, unique=True), st.lists(NAMES, unique=True), COUNTS)
def test_adding_accounts_moves_none_to_another_shard(before: list[str], added: list[str], count: int) -> None:
    def dealt(names: list[str]) -> dict[str, int]:
        return {name: i for name in names for i in range(count) if Shard(i, count).holds(account(name))}

    assert dealt(before).items() <= dealt(added + before).items()


def test_an_account_has_the_same_shard_in_every_release() -> None:
    # A state is found again only while these stay: whoever changes them makes every shard read its accounts anew.
    assert [position(name, SHARDS) for name in ("account-5", "account-1", "user-1", "Ōura", "山田")] == [3, 0, 0, 2, 2]


def test_shards_have_about_the_same_size() -> None:
    sizes = [[position(f"user-{number}", SHARDS) for number in range(10_000)].count(shard) for shard in range(SHARDS)]

    assert all(2300 < size < 2700 for size in sizes)


@pytest.mark.parametrize("known", [None, "the-id", "another-id"])
def test_an_unnamed_account_stays_in_the_first_shard_once_its_name_is_known(
    known: str | None,
) -> None:
    held = [Shard(index, SHARDS).holds(account(known, is_named=False)) for index in range(SHARDS)]

    assert held == [True, False, False, False]


@pytest.fixture(scope="module")
def six() -> Iterator[Running]:
    with running(accounts=6, days=5, today="2026-03-31T20:00:00+00:00") as simulator:
        yield simulator


@pytest.fixture
def many(six: Running) -> dict[str, Any]:
    six.reset()
    return {
        "api_url": six.url,
        "accounts": [{"user": name, "access_token": f"token-{n}"} for n, name in enumerate(SIX, start=1)],
        "start_date": "2026-03-30",
        "max_retries": 0,
    }


def keyed(records: dict[str, list[dict[str, Any]]]) -> dict[str, list[Any]]:
    """The records by stream in an order of their own; of days all but the time at which they were read."""
    reported = ("user_id", "collection", "day", "document_ids", "count")
    days = [tuple(str(row[name]) for name in reported) for row in records["collection_days"]]
    others = {stream: sorted(rows, key=repr) for stream, rows in records.items() if stream != "collection_days"}
    return {**others, "collection_days": sorted(days)}


def test_four_shards_read_what_one_tap_reads_and_then_nothing(run: Any, many: dict[str, Any]) -> None:
    one = run(many)
    shares = [run({**many, "shard_index": index, "shard_count": SHARDS}) for index in range(SHARDS)]

    together: dict[str, list[dict[str, Any]]] = {}
    for share in shares:
        for stream, rows in share.records.items():
            together.setdefault(stream, []).extend(rows)
    assert keyed(together) == keyed(one.records)
    assert len(together["heartrate"]) > 1000
    readers = [{row["user_id"] for row in share.records["heartrate"]} for share in shares]
    assert readers == [{"account-1"}, {"account-2", "account-4"}, {"account-3", "account-7"}, {"account-5"}]
    for index, share in enumerate(shares):
        again = run({**many, "shard_index": index, "shard_count": SHARDS}, share.state)
        assert not any(again.records.values())


def test_a_shard_sends_no_request_for_accounts_of_other_shards(run: Any, many: dict[str, Any], six: Running) -> None:
    share = run({**many, "shard_index": 2, "shard_count": SHARDS})

    assert {row["user_id"] for row in share.records["sleep"]} == {"account-3", "account-7"}
    assert {request["user"] for request in six.requests()} == {"user-3", "user-6"}


def test_a_shard_without_accounts_succeeds(run: Any, many: dict[str, Any]) -> None:
    few = {**many, "accounts": many["accounts"][:1]}

    shares = [run({**few, "shard_index": index, "shard_count": SHARDS}) for index in range(SHARDS)]

    assert [share.code for share in shares] == [0] * SHARDS
    assert sorted(bool(share.records) for share in shares) == [False, False, False, True]


def test_user_names_are_checked_against_the_accounts_of_all_shards(run: Any, many: dict[str, Any]) -> None:
    shares = [run({**many, "users": ["account-2"], "shard_index": i, "shard_count": SHARDS}) for i in range(SHARDS)]
    assert sorted(bool(share.records) for share in shares) == [False, False, False, True]

    with pytest.raises(SettingsError, match="users: there is no account 'account-9'"):
        run({**many, "users": ["account-9"], "shard_index": 1, "shard_count": SHARDS})


def test_only_the_first_shard_requests_the_name_of_an_unnamed_account(
    run: Any, many: dict[str, Any], six: Running
) -> None:
    single = {name: value for name, value in many.items() if name != "accounts"} | {"access_token": "token-5"}

    others = [run({**single, "shard_index": index, "shard_count": SHARDS}) for index in range(1, SHARDS)]
    assert not six.requests()
    assert not any(other.records for other in others)
    first = run({**single, "shard_index": 0, "shard_count": SHARDS})

    assert first.of("daily_sleep", "user-5")
    # Its name is kept now, and changes nothing.
    assert not any(run({**single, "shard_index": i, "shard_count": SHARDS}).records for i in range(1, SHARDS))
    assert run({**single, "shard_index": 0, "shard_count": SHARDS}).of("daily_sleep", "user-5")
