"""Every day accounted for: what Oura changes, deletes or withholds is in the tables after the next run."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.conftest import Pipeline, Rows

PER_USER = "SELECT collection, document_id, samples FROM oura_deleted_documents WHERE user_id = 'user-1'"


def newest(pipeline: Pipeline, collection: str, **wanted: str) -> dict[str, Any]:
    documents = pipeline.simulator.documents("user-1", collection, start=pipeline.start_date)
    return [found for found in documents if all(found[name] == value for name, value in wanted.items())][-1]


def statuses(pipeline: Pipeline, collection: str, user: str = "user-1") -> dict[str, tuple[str, str | None]]:
    rows = pipeline.rows(
        "SELECT date, status, reason FROM oura_completeness WHERE user_id = %s AND collection = %s", user, collection
    )
    return {str(row["date"]): (row["status"], row["reason"]) for row in rows}


def revisions(pipeline: Pipeline) -> Rows:
    return pipeline.rows("SELECT user_id, date::text, collection, measure, old_value, new_value FROM oura_revisions")


def test_one_score_changed_at_oura_is_one_revision(pipeline: Pipeline) -> None:
    scored = pipeline.simulator.documents("user-1", "daily_sleep", start=pipeline.start_date)
    document = next(found for found in reversed(scored) if found["score"] is not None)
    written = "SELECT n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables WHERE relname = 'oura_sleep'"
    (counted,) = pipeline.rows(written)

    pipeline.simulator.edit(user="user-1", collection="daily_sleep", op="rescore", day=document["day"], score=41)
    pipeline.sync()

    assert revisions(pipeline) == [
        {
            "user_id": "user-1",
            "date": document["day"],
            "collection": "daily_sleep",
            "measure": "sleep_score",
            "old_value": document["score"],
            "new_value": 41,
        }
    ]
    assert pipeline.rows(written) == [{**counted, "n_tup_upd": counted["n_tup_upd"] + 1}]


def test_documents_that_oura_deleted_leave_the_marts_and_are_listed(pipeline: Pipeline) -> None:
    gone = {
        "workout": newest(pipeline, "workout"),
        "sleep": newest(pipeline, "sleep", type="long_sleep"),
        "enhanced_tag": newest(pipeline, "enhanced_tag"),
        "session": newest(pipeline, "session"),
        "ring_configuration": pipeline.simulator.documents("user-1", "ring_configuration")[0],
    }
    sample = newest(pipeline, "heartrate", source="awake")
    marts = {
        "workout": "oura_workouts",
        "sleep": "oura_sleep_periods",
        "enhanced_tag": "oura_tags",
        "session": "oura_sessions",
        "ring_configuration": "oura_rings",
    }
    counted = "SELECT sum(samples) FROM oura_heart_rate_daily WHERE user_id = 'user-1'"
    ((samples,),) = (row.values() for row in pipeline.rows(counted))

    def found() -> dict[str, bool]:
        ids = {
            collection: pipeline.rows(
                f"SELECT FROM {mart} WHERE user_id = 'user-1' AND id = %s", gone[collection]["id"]
            )
            for collection, mart in marts.items()
        }
        return {collection: bool(rows) for collection, rows in ids.items()}

    assert all(found().values())
    for collection, document in gone.items():
        pipeline.simulator.edit(user="user-1", collection=collection, op="delete", id=document["id"])
    pipeline.simulator.edit(
        user="user-1", collection="heartrate", op="delete", timestamp=sample["timestamp"], source=sample["source"]
    )
    pipeline.sync()

    assert not any(found().values())
    assert list(pipeline.rows(counted)[0].values()) == [samples - 1]
    instant = "SELECT FROM oura_heart_rate WHERE user_id = 'user-1' AND timestamp = %s AND source = 'awake'"
    assert not pipeline.rows(instant, sample["timestamp"])
    listed = {row["collection"]: row for row in pipeline.rows(PER_USER)}
    assert {collection: row["document_id"] for collection, row in listed.items()} == {
        **{collection: document["id"] for collection, document in gone.items()},
        "heartrate": sample["timestamp"][:10],
    }
    assert listed["heartrate"]["samples"] == 1

    # What is removed for good was told before, and stays told.
    pipeline.execute(f"DELETE FROM oura_raw.enhanced_tag WHERE id = '{gone['enhanced_tag']['id']}'")
    pipeline.meltano("run", "dbt:update")
    assert len(pipeline.rows(PER_USER)) == 6

    pipeline.simulator.reset()
    pipeline.sync()

    assert all(found().values())
    assert list(pipeline.rows(counted)[0].values()) == [samples]
    assert [row["collection"] for row in pipeline.rows(PER_USER)] == ["heartrate"]


def test_a_day_that_lost_its_last_heart_rate_sample_is_removed(pipeline: Pipeline) -> None:
    shortest = (
        "SELECT date FROM oura_heart_rate_daily "
        "WHERE user_id = 'user-1' AND date BETWEEN '2026-03-20' AND '2026-03-27' ORDER BY samples LIMIT 1"
    )
    ((day,),) = (row.values() for row in pipeline.rows(shortest))
    of_the_day = "SELECT FROM oura_heart_rate_daily WHERE user_id = 'user-1' AND date = %s"
    instants = "SELECT DISTINCT timestamp FROM oura_heart_rate WHERE user_id = 'user-1' AND date = %s"
    found = {row["timestamp"] for row in pipeline.rows(instants, day)}

    for sample in pipeline.simulator.documents("user-1", "heartrate", start="2026-03-18"):
        if datetime.fromisoformat(sample["timestamp"]) in found:
            pipeline.simulator.edit(
                user="user-1",
                collection="heartrate",
                op="delete",
                timestamp=sample["timestamp"],
                source=sample["source"],
            )
    pipeline.sync()

    assert not pipeline.rows(of_the_day, day)
    assert pipeline.rows(of_the_day, day + timedelta(days=1))


def test_a_sample_of_unknown_origin_outlives_a_deletion_on_its_day(pipeline: Pipeline) -> None:
    """Staging and the marts judge it alike: it does not say that it was sent before its day was read again."""
    deleted = newest(pipeline, "heartrate", source="awake")
    instant = f"{deleted['timestamp'][:10]}T00:00:00.123Z"
    pipeline.execute(
        "INSERT INTO oura_raw.heartrate (user_id, timestamp, source, bpm, _sdc_batched_at) "
        f"VALUES ('user-1', '{instant}', 'rest', 50, now() AT TIME ZONE 'UTC')"
    )
    pipeline.meltano("run", "dbt:update")
    pipeline.simulator.edit(
        user="user-1", collection="heartrate", op="delete", timestamp=deleted["timestamp"], source="awake"
    )
    pipeline.sync()

    found = "SELECT FROM oura_heart_rate WHERE user_id = 'user-1' AND timestamp = %s AND source = %s"
    assert not pipeline.rows(found, deleted["timestamp"], "awake")
    assert pipeline.rows(found, instant, "rest")


def test_a_failed_window_deletes_nothing_and_its_days_have_the_reason(pipeline: Pipeline) -> None:
    workout = newest(pipeline, "workout")
    pipeline.simulator.edit(user="user-1", collection="workout", op="delete", id=workout["id"])
    pipeline.simulator.fault("status", code=500, collection="workout", user="user-1")
    pipeline.simulator.fault("scope_401", collection="daily_spo2", user="user-1")

    pipeline.sync(code=1)

    assert pipeline.rows("SELECT FROM oura_workouts WHERE user_id = 'user-1' AND id = %s", workout["id"])
    assert not pipeline.rows(PER_USER + " AND collection = 'workout'")
    workouts, oxygen = statuses(pipeline, "workout"), statuses(pipeline, "daily_spo2")
    assert workouts[workout["day"]] == ("present", None)
    assert workouts[max(workouts)] == ("our_failure", "server")
    assert oxygen[max(oxygen)] == ("no_permission", "scope")
    assert set(statuses(pipeline, "tag").values()) == {("not_asked", None)}

    pipeline.simulator.clear_faults()
    pipeline.sync()

    assert not pipeline.rows("SELECT FROM oura_workouts WHERE user_id = 'user-1' AND id = %s", workout["id"])
    assert statuses(pipeline, "workout")[workout["day"]] == ("nothing_at_oura", None)
    assert not pipeline.rows("SELECT FROM oura_completeness WHERE status IN ('our_failure', 'no_permission')")


def test_a_dead_account_is_not_blamed_for_what_nobody_requested(pipeline: Pipeline) -> None:
    pipeline.simulator.fault("expired_401", user="user-1")

    pipeline.sync(code=1)

    sleep = statuses(pipeline, "daily_sleep")
    assert sleep[max(sleep)] == ("our_failure", "token")
    assert set(statuses(pipeline, "tag").values()) == {("not_asked", None)}

    pipeline.simulator.clear_faults()
    pipeline.sync()


def test_a_full_refresh_changes_no_days_status(pipeline: Pipeline) -> None:
    judged = "SELECT user_id, collection, date, status, reason FROM oura_completeness ORDER BY 1, 2, 3"
    before = pipeline.rows(judged)

    pipeline.meltano("invoke", "dbt", "build", "--full-refresh", "--select", "oura_completeness")

    assert pipeline.rows(judged) == before
