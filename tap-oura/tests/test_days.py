"""The day ledger: unchanged days send nothing, changed days are sent with a row, unread days are left alone."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

import pytest
from oura_simulator.testing import Running
from tap_oura.catalog.collections import COLLECTIONS
from tap_oura.tap import TapOura

from .conftest import TODAY

NOW = datetime.fromisoformat(f"{TODAY}T20:00:00+00:00")
EVERYTHING = list(COLLECTIONS)
USERS = ("user-1", "user-2", "user-3")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The tap's clock shows what the simulator's shows; call it with other hours to move both."""

    def move(simulator: Running | None = None, **shift: float) -> None:
        now = NOW + timedelta(**shift)
        monkeypatch.setattr(TapOura, "clock", staticmethod(now.timestamp))
        if simulator:
            simulator.call("POST", "clock", {"now": now.isoformat()})

    move()
    return move


def first(simulator: Running, collection: str, start: str = "2026-03-20", user: str = "user-1") -> dict[str, Any]:
    return simulator.documents(user, collection, start=start, end="2026-03-29")[0]


def test_a_run_without_changes_sends_no_record(run: Any, simulator: Running, config: dict[str, Any]) -> None:
    made = run({**config, "collections": EVERYTHING})
    again = run({**config, "collections": EVERYTHING}, made.state)

    assert sum(map(len, made.records.values())) > 10_000
    assert not again.records
    assert again.state == made.state


def test_every_day_that_was_read_has_a_row(run: Any, simulator: Running, config: dict[str, Any]) -> None:
    made = run({**config, "collections": EVERYTHING})

    over = {f"2026-03-{number:02}" for number in range(1, 31)}
    for collection in COLLECTIONS.values():
        for user in USERS:
            days = made.ledger(collection.name, user)
            records = made.of(collection.name, user)
            assert sum(row["count"] for row in days.values()) == len(records)
            if collection.cursor is None:
                assert list(days) == [None]
                continue
            assert over <= days.keys(), collection.name
            for day, row in days.items():
                of_day = [record for record in records if record[collection.cursor].startswith(day)]
                assert row["count"] == len(of_day)
                assert (row["document_ids"] is None) == ("id" not in collection.keys)
                if "id" in collection.keys:
                    assert sorted(row["document_ids"]) == sorted(record["id"] for record in of_day)


def test_one_changed_score_sends_one_document(run: Any, simulator: Running, config: dict[str, Any]) -> None:
    made = run(config)
    night = first(simulator, "daily_sleep")
    simulator.edit(user="user-1", collection="daily_sleep", op="rescore", id=night["id"])

    again = run(config, made.state)

    assert {name: len(records) for name, records in again.records.items()} == {"daily_sleep": 1, "collection_days": 1}
    assert again.of("daily_sleep", "user-1")[0]["id"] == night["id"]
    row = again.ledger("daily_sleep", "user-1")[night["day"]]
    before = made.ledger("daily_sleep", "user-1")[night["day"]]
    assert (row["document_ids"], row["count"]) == ([night["id"]], 1)
    assert row["digest"] != before["digest"]
    assert row["read_at"] == row["rewritten_at"]
    assert not run(config, again.state).records


@pytest.mark.parametrize(
    "collection", ["workout", "session", "enhanced_tag", "sleep", "heartrate", "ring_configuration"]
)
def test_a_deleted_document_leaves_its_days_row(
    collection: str, run: Any, simulator: Running, config: dict[str, Any]
) -> None:
    chosen = {**config, "collections": [collection]}
    made = run(chosen)
    cursor, keys = COLLECTIONS[collection].cursor, COLLECTIONS[collection].keys
    gone = first(simulator, collection) if cursor else simulator.documents("user-1", collection)[0]
    simulator.edit(user="user-1", collection=collection, op="delete", **{key: gone[key] for key in keys})

    again = run(chosen, made.state)

    day = gone[cursor][:10] if cursor else None
    row, before = again.ledger(collection, "user-1")[day], made.ledger(collection, "user-1")[day]
    assert list(again.ledger(collection, "user-1")) == [day]
    assert row["count"] == before["count"] - 1
    if "id" in keys:
        assert set(before["document_ids"]) - set(row["document_ids"]) == {gone["id"]}
    else:
        # Whoever keeps samples knows by the row which ones are gone: those sent before.
        assert row["rewritten_at"] == row["read_at"] > before["read_at"]
        assert len(again.of(collection, "user-1")) == row["count"]
    assert not run(chosen, again.state).records


def test_a_day_that_only_grew_sends_only_its_new_documents(
    run: Any, simulator: Running, config: dict[str, Any], clock: Any
) -> None:
    chosen = {**config, "collections": ["heartrate"]}
    made = run(chosen)
    clock(simulator, hours=1)

    again = run(chosen, made.state)

    row, before = again.ledger("heartrate", "user-2")[TODAY], made.ledger("heartrate", "user-2")[TODAY]
    assert 0 < len(again.of("heartrate", "user-2")) == row["count"] - before["count"] < 100
    assert row["rewritten_at"] is None
    assert row["read_at"] > before["read_at"]


def test_a_window_that_failed_changes_nothing_in_the_ledger(
    run: Any, simulator: Running, config: dict[str, Any]
) -> None:
    chosen = {**config, "collections": ["sleep", "workout"], "max_retries": 0}
    made = run(chosen)
    simulator.edit(user="user-1", collection="sleep", op="delete", id=first(simulator, "sleep")["id"])
    simulator.fault("cut", user="user-1", collection="sleep")

    failed = run(chosen, made.state)
    simulator.clear_faults()
    after = run(chosen, failed.state)

    assert not failed.of("collection_days", "user-1")
    assert len(after.of("collection_days", "user-1")) == 1


def test_windows_after_a_failed_one_are_sent_once(run: Any, simulator: Running, config: dict[str, Any]) -> None:
    chosen = {**config, "collections": ["sleep"], "start_date": "2026-02-01", "max_retries": 0}
    simulator.fault("status", user="user-1", collection="sleep", times=1)

    failed = run(chosen)
    after = run(chosen, failed.state)

    sent = [record["id"] for made in (failed, after) for record in made.of("sleep", "user-1")]
    expected = [document["id"] for document in simulator.documents("user-1", "sleep", start="2026-02-01")]
    assert sorted(sent) == sorted(expected)


@pytest.mark.parametrize("edited", ["2026-02-10", None])
def test_an_edited_bookmark_sends_everything_from_there_on(
    edited: str | None, run: Any, simulator: Running, config: dict[str, Any]
) -> None:
    chosen = {**config, "collections": ["daily_sleep"]}
    made = run(chosen)
    state = deepcopy(made.state)
    partition = state["bookmarks"]["daily_sleep"]["partitions"][0]
    partition["replication_key_value"] = edited
    if edited is None:
        del partition["replication_key_value"]

    again = run(chosen, state)

    start = edited or config["start_date"]
    expected = [document["id"] for document in simulator.documents("user-1", "daily_sleep", start=start)]
    assert sorted(record["id"] for record in again.of("daily_sleep", "user-1")) == sorted(expected)
    assert not again.of("daily_sleep", "user-2")


def test_a_day_emptied_and_filled_again_is_sent_both_times(
    run: Any, simulator: Running, config: dict[str, Any]
) -> None:
    chosen = {**config, "collections": ["daily_sleep"]}
    night = first(simulator, "daily_sleep")
    made = run(chosen)
    edit = simulator.edit(user="user-1", collection="daily_sleep", op="delete", id=night["id"])
    empty = run(chosen, made.state)
    quiet = run(chosen, empty.state)
    simulator.call("DELETE", f"edits/{edit['ids'][0]}")
    back = run(chosen, empty.state)

    assert empty.ledger("daily_sleep", "user-1")[night["day"]]["count"] == 0
    assert not quiet.records
    assert [record["id"] for record in back.of("daily_sleep", "user-1")] == [night["id"]]
    assert (
        back.ledger("daily_sleep", "user-1")[night["day"]]["digest"]
        == (made.ledger("daily_sleep", "user-1")[night["day"]]["digest"])
    )


def test_the_setting_sends_every_record_in_every_run(run: Any, simulator: Running, config: dict[str, Any]) -> None:
    chosen = {**config, "collections": ["sleep"], "skip_unchanged": False, "start_date": "2026-03-25"}

    made = run(chosen)
    again = run(chosen, made.state)

    assert again.records["sleep"] == made.records["sleep"]
    assert not again.records["collection_days"]


def test_a_clock_set_back_does_not_make_an_older_row_the_latest(
    run: Any, simulator: Running, config: dict[str, Any], clock: Any
) -> None:
    chosen = {**config, "collections": ["daily_sleep"]}
    made = run(chosen)
    night = first(simulator, "daily_sleep")
    simulator.edit(user="user-1", collection="daily_sleep", op="rescore", id=night["id"])
    clock(hours=-1)

    again = run(chosen, made.state)

    earlier = made.ledger("daily_sleep", "user-1")[night["day"]]["read_at"]
    assert again.ledger("daily_sleep", "user-1")[night["day"]]["read_at"] > earlier


def test_the_ledger_stays_small_however_long_the_history(run: Any, simulator: Running, config: dict[str, Any]) -> None:
    made = run({**config, "start_date": "2021-01-01", "collections": [n for n in EVERYTHING if n != "heartrate"]})

    for user in USERS:
        partitions = [
            partition
            for stream in made.state["bookmarks"].values()
            for partition in stream.get("partitions", [])
            if partition["context"]["user_id"] == user
        ]
        assert len(json.dumps(partitions)) < 32_000
