"""The tap alone, piped into other targets: they get the same rows as PostgreSQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from tests.conftest import Pipeline
from tests.other_stacks import install, target_jsonl

COLLECTIONS = ["daily_sleep", "daily_activity", "sleep", "heartrate", "workout", "personal_info"]


def pipe(pipeline: Pipeline, target: Path, settings: dict[str, Any], folder: Path) -> None:
    """tap-oura | target, as a shell would do it."""
    accounts = [{"user": account["user"], "access_token": account["token"]} for account in pipeline.simulator.accounts]
    config = {
        "api_url": pipeline.simulator.url,
        "accounts": accounts,
        "start_date": pipeline.start_date,
        "collections": COLLECTIONS,
    }
    (folder / "tap.json").write_text(json.dumps(config))
    (folder / "target.json").write_text(json.dumps(settings))
    with subprocess.Popen(
        [Path(sys.executable).with_name("tap-oura"), "--config", folder / "tap.json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as tap:
        loaded = subprocess.run(
            [target, "--config", folder / "target.json"],
            stdin=tap.stdout,
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )
    assert (tap.returncode, loaded.returncode) == (0, 0), loaded.stderr[-3000:]


def in_postgres(pipeline: Pipeline, collection: str, *columns: str) -> Counter[tuple[Any, ...]]:
    rows = pipeline.rows(f"SELECT {', '.join(columns)} FROM oura_raw.{collection}")
    return Counter(tuple(row.values()) for row in rows)


def test_target_jsonl_has_the_same_rows_as_postgres(collected: Pipeline, tmp_path: Path) -> None:
    pipe(collected, target_jsonl(), {"destination_path": str(tmp_path), "do_timestamp_file": False}, tmp_path)

    for collection in COLLECTIONS:
        lines = (tmp_path / f"{collection}.jsonl").read_text().splitlines()
        key = ("timestamp", "source", "bpm") if collection == "heartrate" else ("id",)
        found = Counter((record["user_id"], *(record[name] for name in key)) for record in map(json.loads, lines))
        assert found == in_postgres(collected, collection, "user_id", *(f'"{name}"' for name in key))


def test_target_duckdb_has_the_same_rows_as_postgres(collected: Pipeline, tmp_path: Path) -> None:
    bin_folder = install("target-duckdb==0.8.0")
    file = tmp_path / "warehouse.duckdb"

    pipe(collected, bin_folder / "target-duckdb", {"filepath": str(file), "default_target_schema": "oura"}, tmp_path)

    for collection, column in (("sleep", "total_sleep_duration"), ("heartrate", "bpm"), ("daily_activity", "steps")):
        query = f"SELECT user_id, count(*), sum({column})::bigint FROM oura.{collection} GROUP BY 1 ORDER BY 1"
        script = f"import duckdb, json; print(json.dumps(duckdb.connect({str(file)!r}).execute({query!r}).fetchall()))"
        output = subprocess.run(
            [bin_folder / "python", "-c", script], capture_output=True, text=True, check=True
        ).stdout
        expected = collected.rows(
            f"SELECT user_id, count(*), sum({column})::bigint FROM oura_raw.{collection} GROUP BY 1 ORDER BY 1"
        )
        assert [tuple(row) for row in json.loads(output)] == [tuple(row.values()) for row in expected]
