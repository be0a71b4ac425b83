"""Two databases from one checkout and one data folder: each run fills its own, and neither sees the other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from oura_collector.database.connection import Database
from oura_simulator.testing import Running, running

from tests.collector_process import Collector

DAYS = "5"


def install(database: Database, simulator: Running, folder: Path, user: str) -> Collector:
    settings = {
        "OURA_API_TOKEN": "",
        "MULTI_USER_MODE": "true",
        "USER_MAPPING": f"{user}: token-1",
        "DAYS_TO_BACKFILL": DAYS,
        "DBT_TARGET_PATH": "",
        "DBT_LOG_PATH": "",
    }
    return Collector(database, simulator, folder, settings)


def documents(collector: Collector, collection: str) -> set[str]:
    (start,) = collector.rows(f"SELECT min(day)::text AS day FROM oura_raw.{collection}")
    return {each["id"] for each in collector.simulator.documents("user-1", collection, start=start["day"])}


def test_two_runs_at_once_each_fill_their_own_database(make_database: Callable[[], Database], tmp_path: Path) -> None:
    with running(accounts=1, days=20, seed=1) as one, running(accounts=1, days=20, seed=2) as other:
        people = {"account-1": one, "account-2": other}
        collectors = {user: install(make_database(), each, tmp_path, user) for user, each in people.items()}
        for simulator in people.values():
            simulator.fault("slow", ms=200)  # So that both extract at the same time.
        for round_ in (1, 2):
            processes = [collector.start("--once") for collector in collectors.values()]
            assert [process.wait() for process in processes] == [0, 0], [process.log() for process in processes]

            for user, collector in collectors.items():
                assert [run["outcome"] for run in collector.runs()] == ["succeeded"] * round_
                for collection in ("sleep", "daily_readiness", "daily_activity"):
                    rows = collector.rows(f"SELECT user_id, id FROM oura_raw.{collection}")
                    assert {row["user_id"] for row in rows} == {user}
                    assert {row["id"] for row in rows} == documents(collector, collection)
                marts = collector.rows("SELECT DISTINCT user_id FROM oura_daily")
                assert [row["user_id"] for row in marts] == [user]
                state = collector.rows("SELECT state_id, completed_state FROM meltano.state")
                assert [row["state_id"] for row in state] == ["prod:tap-oura-to-target-postgres"]
                streams = json.loads(state[0]["completed_state"])["singer_state"]["bookmarks"].values()
                parts = [part for stream in streams for part in stream.get("partitions", [])]
                assert parts
                assert [part for part in parts if part["context"] != {"user_id": user}] == []

    folders = sorted((tmp_path / "meltano").iterdir())
    assert len(folders) == 2
    for folder in folders:
        assert (folder / "dbt/target/manifest.json").exists()
        assert (folder / "loaders").is_symlink()
        open_to_others = [path for path in folder.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o077]
        assert open_to_others == []
