"""The main job, run repeatedly while Oura changes past days, fails and recovers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from oura_collector.pipeline.environment import record
from oura_collector.pipeline.process import own_folder
from oura_collector.settings import PROJECT, Settings

from tests.conftest import Pipeline


def scores(pipeline: Pipeline, mart: str, column: str, user: str) -> dict[str, Any]:
    rows = pipeline.rows(f"SELECT date, {column} AS value FROM {mart} WHERE user_id = %s", user)
    return {str(row["date"]): row["value"] for row in rows}


def raw_ids(pipeline: Pipeline, collection: str, user: str) -> set[str]:
    return {row["id"] for row in pipeline.rows(f"SELECT id FROM oura_raw.{collection} WHERE user_id = %s", user)}


def test_a_second_run_duplicates_nothing_and_keeps_a_users_view(pipeline: Pipeline) -> None:
    count = "SELECT (SELECT count(*) FROM oura_sleep) AS sleep, (SELECT count(*) FROM oura_heart_rate) AS heart_rate"
    before = pipeline.rows(count)
    pipeline.execute("CREATE OR REPLACE VIEW my_week AS SELECT date, total_sleep FROM oura_sleep")

    pipeline.sync()
    pipeline.meltano("invoke", "dbt", "run", "--full-refresh")

    assert pipeline.rows(count) == before
    assert pipeline.rows("SELECT count(*) AS nights FROM my_week")[0]["nights"] > 20
    pipeline.execute("DROP VIEW my_week")


def test_changes_at_oura_are_in_the_marts_after_the_next_run(pipeline: Pipeline) -> None:
    simulator = pipeline.simulator
    nap = next(
        period
        for period in reversed(simulator.documents("user-1", "sleep", start="2026-03-10"))
        if period["type"] == "rest"
    )
    before = scores(pipeline, "oura_sleep", "total_sleep", "user-1")

    simulator.edit(user="user-1", collection="daily_readiness", op="rescore", day="2026-03-28", score=41)
    simulator.edit(user="user-1", op="confirm_nap", id=nap["id"])
    pipeline.sync()

    assert scores(pipeline, "oura_readiness", "readiness_score", "user-1")["2026-03-28"] == 41
    after = scores(pipeline, "oura_sleep", "total_sleep", "user-1")
    assert after[nap["day"]] == before[nap["day"]] + nap["total_sleep_duration"]


def test_a_week_that_arrives_late_is_in_the_marts_after_the_next_run(pipeline: Pipeline) -> None:
    simulator = pipeline.simulator
    week = {"start": "2026-03-18", "end": "2026-03-24"}
    truth = {document["day"]: document["score"] for document in simulator.documents("user-2", "daily_sleep", **week)}
    samples = "SELECT count(*) AS samples FROM oura_heart_rate WHERE user_id = 'user-2' AND date BETWEEN %s AND %s"
    inside = ("2026-03-19", "2026-03-23")
    complete = pipeline.rows(samples, *inside)
    # The bookmarks are ahead of the week, and of the week nothing is known.
    simulator.edit(user="user-2", op="late", **week)
    pipeline.sync()
    assert not set(truth) & set(scores(pipeline, "oura_sleep", "sleep_score", "user-2"))
    assert pipeline.rows(samples, *inside) == [{"samples": 0}]

    simulator.edit(user="user-2", op="arrive")
    pipeline.sync()

    found = scores(pipeline, "oura_sleep", "sleep_score", "user-2")
    assert {day: found[day] for day in truth} == truth
    assert len(truth) > 4
    assert pipeline.rows(samples, *inside) == complete


def test_failures_are_named_the_rest_is_loaded_and_the_next_run_fills_the_gaps(pipeline: Pipeline) -> None:
    simulator = pipeline.simulator
    for table in ("daily_spo2", "daily_stress", "workout"):
        pipeline.execute(f"DELETE FROM oura_raw.{table}")
    pipeline.meltano("state", "clear", "--force", "dev:tap-oura-to-target-postgres")
    simulator.edit(user="user-1", collection="daily_sleep", op="rescore", day="2026-03-20", score=33)
    simulator.fault("scope_401", collection="daily_spo2", user="user-1")
    simulator.fault("status", code=500, collection="daily_stress", user="user-1")
    simulator.call("POST", "revoke", {"user": "user-2"})

    output = pipeline.sync(code=1)

    simulator.call("POST", "restore", {"user": "user-2"})
    simulator.clear_faults()
    for named in ("daily_spo2 of user-1", "daily_stress of user-1", "everything of user-2"):
        assert named in output
    assert raw_ids(pipeline, "workout", "user-1")
    assert raw_ids(pipeline, "daily_stress", "user-1") == set()
    # One account's dead token keeps nobody's tables from being built.
    assert scores(pipeline, "oura_sleep", "sleep_score", "user-1")["2026-03-20"] == 33

    pipeline.sync()

    for user in ("user-1", "user-2"):
        for collection in ("daily_spo2", "daily_stress", "workout"):
            expected = {document["id"] for document in simulator.documents(user, collection, start=pipeline.start_date)}
            assert raw_ids(pipeline, collection, user) == expected


def published(about: str, folder: Path) -> list[str]:
    """The README's commands below a comment, with files in a folder of their own."""
    (block,) = (part for part in (PROJECT / "README.md").read_text().split("\n\n") if part.startswith(f"# {about}"))
    return [line.replace(".data/", f"{folder}/") for line in block.splitlines() if not line.startswith("#")]


def test_a_bookmark_in_postgres_rewound_as_documented_collects_from_there(pipeline: Pipeline, tmp_path: Path) -> None:
    state = pipeline.state()
    table = pipeline.rows("SELECT state_id FROM meltano.state")
    assert [row["state_id"] for row in table] == ["dev:tap-oura-to-target-postgres"]
    oldest = "SELECT min(day)::text AS day FROM oura_raw.daily_sleep WHERE user_id = 'user-1'"
    assert pipeline.rows(oldest)[0]["day"] >= "2026-03-01"

    taken, given_back = published("Rewind one collection of one account", tmp_path)
    pipeline.shell(taken)
    edited = json.loads((tmp_path / "state.json").read_text())
    assert edited == state
    for partition in edited["singer_state"]["bookmarks"]["daily_sleep"]["partitions"]:
        if partition["context"]["user_id"] == "user-1":
            partition["replication_key_value"] = "2026-02-10"
    (tmp_path / "state.json").write_text(json.dumps(edited, indent=2))
    pipeline.shell(given_back)
    assert pipeline.state() == edited
    pipeline.extract_and_load()

    assert pipeline.rows(oldest)[0]["day"] == "2026-02-10"
    partitions = pipeline.state()["singer_state"]["bookmarks"]["daily_sleep"]["partitions"]
    moved = {partition["context"]["user_id"]: partition["replication_key_value"] for partition in partitions}
    assert moved["user-1"] >= "2026-03-30"
    assert moved["user-2"] >= "2026-03-30"
    assert pipeline.rows(oldest.replace("user-1", "user-2"))[0]["day"] >= "2026-03-01"
    pipeline.meltano("state", "set", "--force", "--input-file", str(_written(pipeline, state)), _id())


def test_a_backfill_neither_uses_nor_moves_the_live_bookmark(pipeline: Pipeline) -> None:
    before = pipeline.state()

    pipeline.meltano(
        "run",
        "--full-refresh",
        "--no-state-update",
        "backfill",
        TAP_OURA_START_DATE="2026-02-05",
        TAP_OURA_END_DATE="2026-02-12",
    )

    assert pipeline.state() == before
    assert "2026-02-05" in scores(pipeline, "oura_activity", "steps", "user-1")


def test_a_successful_backfill_ends_the_failure_of_an_earlier_one(pipeline: Pipeline) -> None:
    past = {"TAP_OURA_START_DATE": "2026-02-14", "TAP_OURA_END_DATE": "2026-02-16"}
    without_state = ("run", "--full-refresh", "--no-state-update")
    pipeline.simulator.fault("status", code=500, collection="daily_stress", user="user-1")
    pipeline.meltano(*without_state, "tap-oura", "target-postgres", code=0, **past)
    assert pipeline.rows("SELECT FROM oura_raw.collection_failures WHERE recovered_at IS NULL")
    pipeline.simulator.clear_faults()

    pipeline.meltano(*without_state, "backfill", code=0, **past)

    (row,) = pipeline.rows(
        "SELECT * FROM oura_collection_failures WHERE user_id = 'user-1' AND collection = 'daily_stress'"
    )
    assert (row["collection"], str(row["start_date"]), str(row["end_date"])) == ("daily_stress", *past.values())
    assert row["recovered_at"] > row["failed_at"]


def _id() -> str:
    return "dev:tap-oura-to-target-postgres"


def _written(pipeline: Pipeline, state: dict[str, Any]) -> Any:
    path = pipeline.folder / "state.json"
    path.write_text(json.dumps(state))
    return path


def test_values_that_a_new_version_can_read_are_read_after_a_start(pipeline: Pipeline, tmp_path: Path) -> None:
    system = own_folder(tmp_path, "shard-0-of-2")

    def collections() -> list[str]:
        catalog = pipeline.meltano("invoke", "--dump=catalog", "tap-oura", MELTANO_SYS_DIR_ROOT=str(system))
        return [stream["tap_stream_id"] for stream in json.loads(catalog[catalog.index("{\n") :])["streams"]]

    known = collections()
    kept = system / "run" / "tap-oura" / "tap.properties.json"
    older = json.loads(kept.read_text())
    older["streams"] = [stream for stream in older["streams"] if stream["tap_stream_id"] != "workout"]
    kept.write_text(json.dumps(older))
    assert "workout" in known
    assert "workout" not in collections(), "Meltano asks each time: nothing is to be forgotten any more"

    record(Settings(data_dir=tmp_path), pipeline.database)

    assert collections() == known
