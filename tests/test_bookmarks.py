"""Bookmarks: rewound one by one, restored where Meltano's state lost them, and no other ever moves."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from oura_collector.database.connection import Database
from oura_collector.database.lock import only_run
from oura_collector.runs.bookmarks import rewind
from oura_collector.runs.lost_bookmarks import LOOKBACK, Own, put_back
from oura_collector.settings import SettingsError
from oura_simulator.testing import running
from tap_oura.catalog.collections import COLLECTIONS
from tap_oura.settings import SETTINGS
from tap_oura.windows import EARLIEST

from tests.collector_process import Collector
from tests.conftest import NOW, TODAY

STATE_ID = "prod:tap-oura-to-target-postgres"
FIRST, SECOND = "account-1", "account-2"
LAG = 30
"""Days for which account-2's ring was not synced; longer than DAYS_TO_BACKFILL."""

State = dict[str, Any]


def ago(days: int) -> date:
    """A day so long before the simulated one."""
    return date.fromisoformat(TODAY) - timedelta(days=days)


WAS = ago(LAG + 1) - LOOKBACK
"""From where account-2 is to be read on."""


@pytest.fixture(scope="module")
def lagging(make_database: Callable[[], Database], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """An installation of two, one of whom has not synced for longer than a first run reads back."""
    with running(accounts=2, days=70, today=NOW) as simulator:
        people = f"{FIRST}: token-1\n{SECOND}: token-2"
        settings = {"OURA_API_TOKEN": "", "MULTI_USER_MODE": "true", "USER_MAPPING": people, "DAYS_TO_BACKFILL": "20"}
        collector = Collector(make_database(), simulator, tmp_path_factory.mktemp("collector"), settings)
        simulator.edit(user="user-2", op="late", start=ago(LAG).isoformat(), end=ago(-1).isoformat())
        collector.run("--once", DAYS_TO_BACKFILL="45")
        yield collector


@pytest.fixture
def collector(lagging: Collector) -> Iterator[Collector]:
    """The installation, whose states are afterwards as they were."""
    before = lagging.rows("SELECT * FROM meltano.state")
    yield lagging
    with lagging.database.connect() as connection, connection.transaction():
        connection.execute("DELETE FROM meltano.state")
        for row in before:
            connection.execute(
                "INSERT INTO meltano.state (state_id, completed_state, partial_state) VALUES (%s, %s, %s)",
                [row["state_id"], row["completed_state"], row["partial_state"]],
            )


def state(collector: Collector, name: str = STATE_ID, column: str = "completed_state") -> State:
    (row,) = collector.rows(f"SELECT {column}::text AS state FROM meltano.state WHERE state_id = %s", name)
    found: State = json.loads(row["state"])
    return found


def store(collector: Collector, completed: State, name: str = STATE_ID, partial: State | None = None) -> None:
    with collector.database.connect() as connection, connection.transaction():
        connection.execute("DELETE FROM meltano.state WHERE state_id = %s", [name])
        connection.execute(
            "INSERT INTO meltano.state (state_id, completed_state, partial_state) VALUES (%s, %s, %s)",
            [name, json.dumps(completed), json.dumps(partial or {})],
        )


def streams(stored: State) -> State:
    found: State = stored["singer_state"]["bookmarks"]
    return found


def part(stored: State, collection: str, user: str) -> State:
    (found,) = (each for each in streams(stored)[collection]["partitions"] if each["context"] == {"user_id": user})
    return dict(found)


def without(stored: State, collection: str, *users: str) -> State:
    """A state that has lost these accounts' parts of a collection."""
    changed = copy.deepcopy(stored)
    parts = streams(changed)[collection]["partitions"]
    streams(changed)[collection]["partitions"] = [each for each in parts if each["context"]["user_id"] not in users]
    return changed


def the_next_run(**changes: Any) -> Own:
    everybody = frozenset({FIRST, SECOND})
    own = Own("prod", None, everybody, nameless=False, start_date=ago(20).isoformat(), run_id=10**6, has_run=True)
    return replace(own, **changes)


def put_back_in(collector: Collector, **changes: Any) -> dict[tuple[str, str], date]:
    with collector.database.connect() as connection:
        return put_back(connection, the_next_run(**changes))


# rewind


def test_rewind_moves_one_bookmark_and_keeps_the_rest_of_the_state(collector: Collector) -> None:
    before = state(collector)
    was = part(before, "daily_sleep", FIRST)["replication_key_value"]

    output = collector.run("rewind", "--user", FIRST, "--collection", "daily_sleep", "--to", "2026-02-01").output()

    assert output == f"daily_sleep of account-1: {was} -> 2026-02-01 ({STATE_ID})\n"
    expected = copy.deepcopy(before)
    for each in streams(expected)["daily_sleep"]["partitions"]:
        if each["context"]["user_id"] == FIRST:
            each["replication_key_value"] = "2026-02-01"
    assert state(collector) == expected


def test_without_collections_rewind_moves_all_bookmarks_in_every_shards_state(collector: Collector) -> None:
    before = state(collector)
    older = without(before, "daily_sleep", SECOND)
    store(collector, older, f"{STATE_ID}:shard-1-of-2")
    store(collector, before, f"{STATE_ID}-of-somebody-else")
    store(collector, before, "dev:tap-oura-to-target-postgres")

    output = collector.run("rewind", "--user", SECOND, "--to", ago(40).isoformat()).output()

    for name, had in ((STATE_ID, before), (f"{STATE_ID}:shard-1-of-2", older)):
        for collection, stream in streams(state(collector, name)).items():
            for now in stream.get("partitions", []):
                was = part(had, collection, now["context"]["user_id"])
                goes_back = now["context"] == {"user_id": SECOND} and was.get("replication_key_value", "") > str(
                    ago(40)
                )
                assert now == (was | {"replication_key_value": str(ago(40))} if goes_back else was)
    assert f"sleep of account-2: {ago(LAG + 1)} -> {ago(40)} ({STATE_ID}:shard-1-of-2)" in output
    assert output.count("daily_sleep of account-2") == 1
    assert state(collector, "dev:tap-oura-to-target-postgres") == before
    assert state(collector, f"{STATE_ID}-of-somebody-else") == before


def test_a_pending_merged_bookmark_takes_precedence(collector: Collector) -> None:
    before = state(collector)
    merged = {"singer_state": {"bookmarks": {"sleep": {"partitions": [part(before, "sleep", FIRST)]}}}}
    store(collector, before, partial=merged)

    collector.run("rewind", "--user", FIRST, "--collection", "sleep,workout", "--to", "2026-02-01")

    partial = state(collector, column="partial_state")
    assert part(partial, "sleep", FIRST)["replication_key_value"] == "2026-02-01"
    assert streams(state(collector))["sleep"] == streams(before)["sleep"]
    assert part(state(collector), "workout", FIRST)["replication_key_value"] == "2026-02-01"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--user account-1 --to tomorrow", "'tomorrow' is not a date"),
        ("--user account-1 --to 2026-02-01 --collection naps", "there is no collection 'naps'"),
        (f"--user account-2 --to {ago(40)} --collection sleep,tag", "--collection: tag of account-2 has no bookmark"),
    ],
)
def test_an_impossible_rewind_is_one_line_and_changes_nothing(
    collector: Collector, arguments: str, message: str
) -> None:
    before = state(collector)

    output = collector.run("rewind", *arguments.split(), code=2).log()

    assert message in output
    assert len(output.splitlines()) == 1
    assert state(collector) == before


@pytest.mark.parametrize(
    ("user", "collections", "day", "message"),
    [
        ("nobody", [], ago(40), "--user: there is no bookmark of 'nobody'; the accounts are: account-1, account-2"),
        (FIRST, [], date(2999, 1, 1), "--to: 2999-01-01 is in the future"),
        (
            SECOND,
            ["sleep", "daily_sleep"],
            ago(2),
            f"--to: {ago(2)} is not before the bookmark of sleep, {ago(LAG + 1)}",
        ),
        (SECOND, [], ago(0), f"--to: no bookmark of account-2 is later than {ago(0)}"),
        (FIRST, ["personal_info"], ago(40), "--collection: personal_info has no bookmark; every run reads all of it"),
    ],
)
def test_a_rewind_that_does_not_go_back_is_refused(
    collector: Collector, user: str, collections: list[str], day: date, message: str
) -> None:
    before = state(collector)

    with collector.database.connect() as connection, pytest.raises(SettingsError, match=re.escape(message)):
        rewind(connection, "prod", user, collections, day)

    assert state(collector) == before


def test_rewind_before_the_first_run_is_refused(make_database: Callable[[], Database]) -> None:
    with make_database().connect() as connection, pytest.raises(SettingsError, match="no bookmarks yet in environment"):
        rewind(connection, "prod", FIRST, [], ago(40))


def test_bookmarks_cannot_be_rewound_during_a_run(collector: Collector) -> None:
    before = state(collector)

    with only_run(collector.database):
        collector.run("rewind", "--user", FIRST, "--to", "2026-02-01", code=75)

    assert state(collector) == before


# lost ones


def test_a_lost_bookmark_is_restored_if_others_have_the_collection(collector: Collector) -> None:
    before = state(collector)
    lost = without(without(before, "daily_sleep", SECOND), "heartrate", FIRST)
    store(collector, lost)

    found = put_back_in(collector)

    assert found == {("daily_sleep", SECOND): WAS, ("heartrate", FIRST): found["heartrate", FIRST]}
    assert str(found["heartrate", FIRST]) == part(before, "heartrate", FIRST)["replication_key_value"][:10]
    after = state(collector)
    assert part(after, "daily_sleep", SECOND) == {
        "context": {"user_id": SECOND},
        "replication_key": "day",
        "replication_key_value": str(WAS),
    }
    assert without(without(after, "daily_sleep", SECOND), "heartrate", FIRST) == lost
    assert put_back_in(collector) == {}


def test_a_bookmark_hidden_by_a_merge_is_restored(collector: Collector) -> None:
    before = state(collector)
    rewound = part(before, "sleep", FIRST) | {"replication_key_value": "2026-02-01"}
    store(collector, before, partial={"singer_state": {"bookmarks": {"sleep": {"partitions": [rewound]}}}})

    assert put_back_in(collector) == {("sleep", SECOND): WAS}

    partial = state(collector, column="partial_state")
    assert part(partial, "sleep", FIRST) == rewound
    assert part(partial, "sleep", SECOND)["replication_key_value"] == str(WAS)
    assert state(collector) == before


def test_without_a_day_ledger_the_raw_table_gives_the_bookmark(collector: Collector) -> None:
    store(collector, without(state(collector), "sleep", SECOND))
    collector.execute("ALTER TABLE oura_raw.collection_days RENAME TO elsewhere")
    try:
        assert put_back_in(collector) == {("sleep", SECOND): WAS}
    finally:
        collector.execute("ALTER TABLE oura_raw.elsewhere RENAME TO collection_days")


def test_restored_bookmarks_use_the_taps_lookback() -> None:
    assert SETTINGS.to_dict()["properties"]["lookback_days"]["default"] == LOOKBACK.days


def test_a_cleared_state_stays_cleared(collector: Collector) -> None:
    collector.execute("DELETE FROM meltano.state")
    assert put_back_in(collector) == {}
    assert put_back_in(collector, has_run=False) == {}
    assert collector.rows("SELECT FROM meltano.state") == []


def test_a_collection_without_any_bookmark_restarts_from_the_earlier_day(collector: Collector) -> None:
    dropped = state(collector)
    del streams(dropped)["daily_sleep"]
    store(collector, dropped)

    assert put_back_in(collector) == {("daily_sleep", SECOND): WAS}

    store(collector, dropped)
    assert put_back_in(collector, start_date="2020-01-01") == {}


def test_a_bookmark_for_a_whole_collection_is_kept(collector: Collector) -> None:
    wished = without(state(collector), "daily_sleep", FIRST, SECOND)
    streams(wished)["daily_sleep"]["replication_key_value"] = "2026-02-01"
    store(collector, wished)

    assert put_back_in(collector) == {}


def test_an_account_known_from_backfills_only_begins_at_the_start_date(collector: Collector) -> None:
    store(collector, without(state(collector), "daily_sleep", SECOND))
    with collector.database.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("UPDATE oura_collector.runs SET asked_by = 'backfill'")
        assert put_back(connection, the_next_run()) == {}

    assert put_back_in(collector) == {("daily_sleep", SECOND): WAS}


def test_a_new_shard_count_continues_from_the_old_bookmarks(collector: Collector) -> None:
    moved = {"suffix": "shard-0-of-2", "accounts": frozenset({SECOND})}

    assert put_back_in(collector, **moved) == {}, "its state was cleared"
    found = put_back_in(collector, has_run=False, **moved)

    shard = state(collector, f"{STATE_ID}:shard-0-of-2")
    assert found["daily_sleep", SECOND] == WAS
    assert {user for _, user in found} == {SECOND}
    for collection, user in found:
        bookmark = part(state(collector), collection, user)["replication_key_value"]
        earlier = max(LOOKBACK, timedelta(days=COLLECTIONS[collection].lookback))
        assert found[collection, user] == date.fromisoformat(bookmark[:10]) - earlier
        assert part(shard, collection, user)["replication_key_value"] == str(found[collection, user])
    assert (
        "prod:tap-oura-to-target-postgres:shard-0-of-2"
        in collector.run("meltano", "--log-level", "critical", "state", "list").output()
    )


def test_no_bookmark_is_restored_beyond_a_day_that_still_fails(collector: Collector) -> None:
    store(collector, without(state(collector), "daily_sleep", SECOND))
    collector.execute(
        "INSERT INTO oura_raw.collection_failures (user_id, collection, start_date) "
        f"VALUES ('{SECOND}', 'daily_sleep', '{ago(LAG + 9)}'), ('{SECOND}', 'sleep', '{ago(60)}')"
    )
    try:
        assert put_back_in(collector) == {("daily_sleep", SECOND): ago(LAG + 9) - LOOKBACK}
    finally:
        collector.execute("DELETE FROM oura_raw.collection_failures")


def test_rows_of_an_interrupted_run_give_no_bookmark(collector: Collector) -> None:
    store(collector, without(state(collector), "daily_sleep", SECOND))
    columns = "(asked_by, outcome, reason, started_at, shard_index, shard_count)"
    cut = f"INSERT INTO oura_collector.runs {columns} VALUES ('once', 'interrupted', 'interrupted', now(), 0, 1)"
    before = "SELECT min(started_at) - interval '1 minute' FROM oura_collector.runs"
    try:
        collector.execute(cut)
        assert put_back_in(collector) == {("daily_sleep", SECOND): WAS}

        store(collector, without(state(collector), "daily_sleep", SECOND))
        collector.execute(f"UPDATE oura_collector.runs SET started_at = ({before}) WHERE outcome = 'interrupted'")
        assert put_back_in(collector) == {}
    finally:
        collector.execute("DELETE FROM oura_collector.runs WHERE outcome = 'interrupted'")


@pytest.mark.parametrize(
    "odd", ["no JSON", "", "null", "[]", '{"singer_state": 1}', '{"singer_state": {"bookmarks": {"sleep": [1]}}}']
)
def test_an_invalid_state_stops_no_run(collector: Collector, odd: str) -> None:
    with collector.database.connect() as connection:
        connection.execute("UPDATE meltano.state SET completed_state = %s", [odd])

    put_back_in(collector)
    with collector.database.connect() as connection, pytest.raises(SettingsError):
        rewind(connection, "prod", FIRST, [], ago(40))


@pytest.mark.parametrize("odd", ["null", "[]", "1", '"text"', '[{"singer_state": {}}]'])
def test_a_state_that_is_no_object_blocks_nothing(collector: Collector, odd: str) -> None:
    store(collector, without(state(collector), "sleep", SECOND))
    store(collector, json.loads(odd), f"{STATE_ID}:shard-0-of-2")

    assert put_back_in(collector) == {("sleep", SECOND): WAS}
    with collector.database.connect() as connection:
        (change,) = rewind(connection, "prod", FIRST, ["sleep"], ago(40))

    assert change.state == STATE_ID
    (kept,) = collector.rows("SELECT completed_state FROM meltano.state WHERE state_id LIKE '%%shard-0-of-2'")
    assert json.loads(kept["completed_state"]) == json.loads(odd)


@pytest.mark.parametrize("day", ["0001-01-01", "0001-01-05T00:00:00Z", "1999-12-31"])
def test_a_bookmark_before_the_first_ring_reads_everything(collector: Collector, day: str) -> None:
    elsewhere = {"context": {"user_id": "account-3"}, "replication_key": "day", "replication_key_value": day}
    older = {"singer_state": {"bookmarks": {"daily_sleep": {"partitions": [elsewhere]}}}}
    store(collector, older, f"{STATE_ID}:shard-0-of-2")

    assert put_back_in(collector, accounts=frozenset({"account-3"})) == {
        ("daily_sleep", "account-3"): EARLIEST - LOOKBACK
    }


def test_a_failing_day_before_the_first_ring_reads_everything(collector: Collector) -> None:
    store(collector, without(state(collector), "daily_sleep", SECOND))
    collector.execute(
        "INSERT INTO oura_raw.collection_failures (user_id, collection, start_date) "
        f"VALUES ('{SECOND}', 'daily_sleep', '0001-01-01')"
    )
    try:
        assert put_back_in(collector) == {("daily_sleep", SECOND): EARLIEST - LOOKBACK}
    finally:
        collector.execute("DELETE FROM oura_raw.collection_failures")


# all of it, with the real Meltano


def test_an_account_that_a_merge_dropped_has_no_gap_after_the_next_run(lagging: Collector) -> None:
    rewound = {"context": {"user_id": FIRST}, "replication_key_value": str(ago(40))}
    merged = {"singer_state": {"bookmarks": {"daily_sleep": {"partitions": [rewound]}}}}
    lagging.run("meltano", "state", "merge", STATE_ID, json.dumps(merged))
    lagging.run("rewind", "--user", FIRST, "--collection", "workout", "--to", str(ago(60)))
    lagging.simulator.edit(user="user-2", op="arrive")

    run = lagging.run("--once")

    held = {row["id"] for row in lagging.rows("SELECT id FROM oura_raw.daily_sleep WHERE user_id = %s", SECOND)}
    assert held == {
        document["id"] for document in lagging.simulator.documents("user-2", "daily_sleep", start=str(ago(45)))
    }
    (event,) = run.events("bookmark put back")
    assert (event["account"], event["collection"], event["day"]) == (SECOND, "daily_sleep", str(WAS))
    oldest = lagging.value("SELECT min(day)::text FROM oura_raw.workout WHERE user_id = 'account-1'")
    assert oldest < str(ago(50))
    after = state(lagging)
    assert all(part(after, "daily_sleep", user)["replication_key_value"] >= str(ago(2)) for user in (FIRST, SECOND))
