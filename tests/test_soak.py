"""The service over many runs against a failing Oura: ten minutes, or OURA_SOAK_SECONDS."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from oura_collector.database.connection import Database
from oura_simulator.testing import running

from tests.collector_process import MIB, Collector, memory, until

SECONDS = float(os.environ.get("OURA_SOAK_SECONDS", "600"))
IDLE_LIMIT = 100 * MIB
BUSY_LIMIT = 400 * MIB
GROWTH = 8 * MIB


@pytest.mark.soak
def test_many_runs_with_random_faults_lose_and_leak_nothing(
    make_database: Callable[[], Database], tmp_path: Path
) -> None:
    settings = {"COLLECTION_INTERVAL": "5", "MAX_RETRIES": "3"}
    with running(accounts=1, days=40) as simulator:
        collector = Collector(make_database(), simulator, tmp_path, settings)
        simulator.fault("random", rates={"429": 0.03, "500": 0.03, "slow": 0.05}, seed=7, ms=500, retry_after=1)
        with collector.serving() as service:
            until(lambda: service.metric("collections_total") >= 2, "two runs")
            pid = service.process.popen.pid
            own_at_first, peak = memory(pid)[0], 0
            deadline = time.monotonic() + SECONDS
            while time.monotonic() < deadline:
                peak = max(peak, memory(pid)[1])
                assert service.get("/health/live")[0] == 200
                time.sleep(0.5)
            simulator.clear_faults()
            clean = service.metric("collections_total", outcome="succeeded") + 2
            until(lambda: service.metric("collections_total", outcome="succeeded") >= clean, "two runs without faults")
            own = memory(pid)[0]
            assert own < own_at_first + GROWTH
        runs = collector.runs()
        sent = len([request for request in simulator.requests() if request["collection"]])
        print(f"{len(runs)} runs, {sent} requests, service {own / MIB:.0f} MiB, peak of all {peak / MIB:.0f} MiB")

        overlaps = (
            "SELECT count(*) FROM oura_collector.runs a JOIN oura_collector.runs b "
            "ON a.run_id < b.run_id AND b.started_at < a.finished_at"
        )
        counted = "SELECT sum(value) FROM oura_collector.counters WHERE name = 'api_requests'"
        assert collector.value(overlaps) == 0
        assert collector.value("SELECT sum(requests) FROM oura_collector.run_collections") == sent
        assert collector.value(counted) == sent
        assert peak < BUSY_LIMIT
        assert own < IDLE_LIMIT
        for collection in ("sleep", "daily_sleep", "daily_activity", "workout"):
            start = collector.value(f"SELECT min(day)::text FROM oura_raw.{collection}")
            expected = {document["id"] for document in simulator.documents("user-1", collection, start=start)}
            rows = collector.rows(f"SELECT id FROM oura_raw.{collection}")
            assert {row["id"] for row in rows} == expected, collection
