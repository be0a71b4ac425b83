"""Known faults of comparable connectors, one test each: the fault happens, and the warehouse is correct again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.faults.world import World


def sent(messages: list[dict[str, Any]]) -> dict[str, int]:
    """How many records of each stream a run sent."""
    streams = [message["stream"] for message in messages]
    return {stream: streams.count(stream) for stream in streams}


def some(world: World, stream: str, days_ago: int) -> dict[str, Any]:
    """A document of the last so many days, the oldest of them."""
    since = (world.oura.now - timedelta(days=days_ago)).date()
    return world.documents("user-1", stream, since)[0]


@pytest.mark.parametrize("days_ago", [5, 13])
def test_a_day_that_oura_changes_much_later_is_updated(days_ago: int, world: World) -> None:
    world.start = (world.oura.now - timedelta(days=20)).date()
    world.run()
    world.edit(user="user-1", collection="daily_sleep", op="rescore", id=some(world, "daily_sleep", days_ago)["id"])

    assert sent(world.run()) == {"daily_sleep": 1, "collection_days": 1}
    assert world.differences() == []


@pytest.mark.parametrize("stream", ["workout", "sleep", "ring_battery_level", "ring_configuration"])
def test_a_deleted_document_is_removed(stream: str, world: World) -> None:
    world.run()
    gone = some(world, stream, 6) if stream != "ring_configuration" else world.documents("user-1", stream)[0]
    one = {"timestamp": gone["timestamp"]} if "id" not in gone else {"id": gone["id"]}
    world.edit(user="user-1", collection=stream, op="delete", **one)
    before = len(world.warehouse.visible(stream, "user-1"))

    world.run()

    assert len(world.warehouse.visible(stream, "user-1")) == before - 1
    assert world.differences() == []


def test_a_partly_read_window_deletes_nothing(world: World) -> None:
    world.run()
    before = world.warehouse.visible("sleep", "user-1")
    world.edit(user="user-1", collection="sleep", op="delete", id=some(world, "sleep", 6)["id"])
    world.config["max_retries"] = 0
    world.fault("cut", collection="sleep")

    world.run()

    assert world.warehouse.visible("sleep", "user-1") == before


def test_a_missing_scope_stops_only_its_collection(world: World) -> None:
    scopes = "email personal daily heartrate tag session spo2 stress heart_health ring_configuration"
    world.oura.ask("POST", "scopes", {"user": "user-1", "scopes": scopes.split()})

    messages, code = world.extract()

    assert code == 1
    records = sent([message for message in messages if message["type"] == "RECORD"])
    assert "workout" not in records
    assert records["collection_failures"] == 1
    assert records["sleep"] > 5


def test_a_repeated_page_token_fails_the_window_without_a_loop(world: World) -> None:
    world.fault("repeat_token", collection="ring_battery_level")

    world.run()

    assert world.warehouse.visible("ring_battery_level", "user-1") == []
    world.clear_faults()
    world.run()
    assert world.differences() == []


def test_a_page_truncated_inside_its_json_is_requested_again(world: World) -> None:
    world.config["max_retries"] = 1
    world.fault("cut", collection="sleep", times=1)

    world.run()

    assert world.differences() == []


@pytest.mark.parametrize("missing", [True, False])
def test_a_sleep_without_its_end_is_loaded_and_completed_later(missing: bool, world: World) -> None:
    night = some(world, "sleep", 6)
    answer = world.edit(user="user-1", collection="sleep", op="unfinished", id=night["id"], missing=missing)
    world.run()
    assert world.differences() == []

    world.oura.ask("DELETE", f"edits/{answer['ids'][0]}")
    world.run()

    assert world.differences() == []


def test_an_unknown_field_is_kept(world: World) -> None:
    world.fault("unknown_field", collection="sleep", field="dreams", value=3)

    world.run()

    assert {document["dreams"] for document in world.warehouse.visible("sleep", "user-1")} == {3}


def test_an_unknown_value_of_an_enum_is_kept(world: World) -> None:
    world.fault("unknown_enum", collection="sleep", field="type", value="siesta")

    world.run()

    assert {document["type"] for document in world.warehouse.visible("sleep", "user-1")} == {"siesta"}


@pytest.mark.parametrize("tier", ["user", "application"])
def test_the_tap_waits_for_a_rate_limit_of_either_tier(tier: str, world: World) -> None:
    world.config["max_retries"] = 2
    world.fault("rate_limit", tier=tier, times=2, retry_after=0)

    world.run()

    assert world.differences() == []


def test_an_empty_response_keeps_bookmark_and_documents(world: World) -> None:
    world.run()
    bookmark = world.state["bookmarks"]["workout"]["partitions"][0]["replication_key_value"]
    world.edit(user="user-1", collection="workout", op="late", start="2026-03-01", end="2026-04-01")

    world.run()
    assert world.state["bookmarks"]["workout"]["partitions"][0]["replication_key_value"] == bookmark

    world.edit(user="user-1", op="arrive")
    world.run()
    assert world.differences() == []


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_travel_and_dst_changes_lose_no_hour(seed: int, world: World) -> None:
    """Each seed lives elsewhere and travels at other times; the clocks change on 29 March."""
    travelled = World(world.warehouse, world.monkeypatch, seed=seed, accounts=3)
    for _ in range(12):
        travelled.later(days=1)
        travelled.run()

    assert travelled.differences() == []


def test_two_documents_of_one_day_are_both_kept(world: World) -> None:
    world.run()
    night = some(world, "daily_sleep", 4)
    world.edit(user="user-1", collection="daily_sleep", op="add", document={**night, "id": "another"})

    world.run()

    kept = [each for each in world.warehouse.visible("daily_sleep", "user-1") if each["day"] == night["day"]]
    assert {each["id"] for each in kept} == {night["id"], "another"}


def test_a_document_recreated_under_another_id_replaces_the_old_one(world: World) -> None:
    world.run()
    night = some(world, "daily_sleep", 4)
    world.edit(user="user-1", collection="daily_sleep", op="recreate", id=night["id"])

    world.run()

    kept = [each for each in world.warehouse.visible("daily_sleep", "user-1") if each["day"] == night["day"]]
    assert len(kept) == 1
    assert kept[0]["id"] != night["id"]


@pytest.mark.parametrize("committed", [0.0, 0.2, 0.4, 0.6, 0.8])
def test_the_next_run_repairs_a_loader_killed_between_two_commits(committed: float, world: World) -> None:
    world.run()
    for stream in ("sleep", "workout", "daily_sleep"):
        world.edit(user="user-1", collection=stream, op="delete", id=some(world, stream, 6)["id"])
    world.later(hours=6)
    world.run_killed(at=1.0, acknowledged=0.5, committed=committed)

    world.run()

    assert world.differences() == []


def test_a_clock_set_back_does_not_restore_deleted_documents(world: World) -> None:
    world.run()
    world.edit(user="user-1", collection="workout", op="delete", id=some(world, "workout", 6)["id"])
    world.later(hours=-1)

    world.run()

    assert world.differences() == []
