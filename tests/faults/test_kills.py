"""A run killed at any moment loses and duplicates nothing: one more run completes the tables."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from oura_collector.database.connection import Database
from oura_collector.settings import PROJECT
from oura_simulator.testing import running

from tests.conftest import PEOPLE, Pipeline

KILLS = int(os.environ.get("OURA_KILLS", "4"))
"""How many runs are cut short; the soak says 30."""
# Meltano takes a killed run for a running one until its heartbeat is five minutes old; --force looks no further.
RUN = ("run", "--force", "sync")

LATEST_DAYS = """
SELECT DISTINCT ON (user_id, collection, day) user_id, collection, day, document_ids, count, digest
FROM oura_raw.collection_days ORDER BY user_id, collection, day, read_at DESC"""
HISTORIES = ("collection_days", "oura_settling")
"""Tables that tell how things became known, which kills do change."""


def test_after_kills_one_more_run_gives_the_tables_of_an_undisturbed_run(
    collected: Pipeline, make_database: Callable[[], Database], folder: Path
) -> None:
    seed = int(os.environ.get("OURA_TEST_SEED") or time.time())
    print(f"OURA_TEST_SEED={seed}")
    chance = random.Random(seed)
    with running(**PEOPLE) as simulator:
        pipeline = Pipeline(make_database(), simulator, folder)
        started = time.monotonic()
        interrupted = 0
        for number in range(KILLS):
            # The first half dies while nothing is bookmarked yet, the second while it is; so does a run that finished.
            moment = chance.uniform(1, 12)
            interrupted += run_and_kill(pipeline, moment, signal.SIGKILL if number % 2 else signal.SIGTERM)
        pipeline.meltano(*RUN)
        print(f"{interrupted} of {KILLS} runs were cut short, {time.monotonic() - started:.0f} s")

        assert interrupted >= KILLS // 2
        assert tables(pipeline) == tables(collected)
        assert pipeline.rows(LATEST_DAYS) == collected.rows(LATEST_DAYS)
        for table, rows in tables(collected).items():
            assert contents(pipeline, table) == contents(collected, table), table
            assert rows >= 0


def run_and_kill(pipeline: Pipeline, seconds: float, how: signal.Signals) -> bool:
    """Start the main job in a process group of its own and signal all of it; whether it was still running then."""
    process = subprocess.Popen(
        pipeline.command(*RUN),
        cwd=PROJECT,
        env=pipeline.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, how)
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
    was_running = process.returncode != 0
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return was_running


def tables(pipeline: Pipeline) -> dict[str, int]:
    names = pipeline.rows(
        "SELECT schemaname || '.' || tablename AS name FROM pg_tables "
        "WHERE schemaname IN ('oura_raw', 'public') AND tablename <> ALL(%s) ORDER BY name",
        list(HISTORIES),
    )
    return {row["name"]: pipeline.rows(f"SELECT count(*) AS rows FROM {row['name']}")[0]["rows"] for row in names}


def contents(pipeline: Pipeline, table: str) -> list[dict[str, Any]]:
    """The rows of a table without when they were loaded, in a fixed order."""
    loaded = {"changed_at", "loaded_at"}
    columns = pipeline.rows(
        "SELECT column_name FROM information_schema.columns WHERE table_schema || '.' || table_name = %s "
        "AND column_name NOT LIKE '\\_sdc%%' ORDER BY ordinal_position",
        table,
    )
    names = [f'"{row["column_name"]}"' for row in columns if row["column_name"] not in loaded]
    return pipeline.rows(f"SELECT {', '.join(names)} FROM {table} ORDER BY {', '.join(f'{n}::text' for n in names)}")
