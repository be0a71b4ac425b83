"""What an installation goes through in a year, in minutes: kills, cuts, edits, a busy schedule, a crowd of readers.

OURA_ENDURANCE_SEED repeats a history; OURA_KILLS, OURA_RUNS and OURA_ROUGH_SECONDS say how long each lasts.
"""

from __future__ import annotations

import os
import random
import signal
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from oura_collector.database.connection import Database
from oura_collector.database.lock import KEY
from oura_simulator.testing import running

from tests.collector_process import MIB, Collector, Process, memory, until, url
from tests.compare import differences
from tests.conftest import TODAY
from tests.poolers import pgbouncer
from tests.programs import needs

pytestmark = pytest.mark.soak

SEED = int(os.environ.get("OURA_ENDURANCE_SEED", random.SystemRandom().randrange(10**6)))
KILLS = int(os.environ.get("OURA_KILLS", "30"))
RUNS = int(os.environ.get("OURA_RUNS", "200"))
READERS, REQUESTS = 50, 2_000
ROUGH_SECONDS = float(os.environ.get("OURA_ROUGH_SECONDS", "900"))
START = "2026-03-18"
GROWTH = 8 * MIB

END_LOCK = f"""
SELECT count(pg_terminate_backend(pid)) FROM pg_locks
WHERE locktype = 'advisory' AND objid = {KEY} AND granted"""
END_LOADING = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND datname = current_database() AND query LIKE '%oura_raw%'"""

END_ANY = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND datname = current_database()"""

EDITED = ("daily_sleep", "daily_readiness", "sleep", "workout", "session", "enhanced_tag", "daily_activity")


@pytest.fixture
def collector(make_database: Callable[[], Database], tmp_path: Path) -> Iterator[Collector]:
    """Three accounts whose clock stands still."""
    print(f"OURA_ENDURANCE_SEED={SEED}")
    settings = {
        "OURA_API_TOKEN": "",
        "MULTI_USER_MODE": "true",
        "USER_MAPPING": "\n".join(f"user-{number}: token-{number}" for number in (1, 2, 3)),
        "TAP_OURA_START_DATE": START,
    }
    with running(accounts=3, days=60, today=f"{TODAY}T20:00:00+00:00") as simulator:
        yield Collector(make_database(), simulator, tmp_path, settings)


def test_after_kills_disconnects_and_edits_the_warehouse_equals_oura(collector: Collector) -> None:
    chance = random.Random(SEED)
    befell: Counter[str] = Counter()
    for _ in range(KILLS):
        edit(collector, chance)
        befell[disturb(collector, chance)] += 1
    collector.run("--once", "--wait")
    print(dict(befell))

    assert befell["ended before"] <= KILLS // 3
    assert compare(collector) == []


def test_two_hundred_runs_leak_neither_memory_nor_descriptors(collector: Collector) -> None:
    with collector.serving(COLLECTION_INTERVAL="2") as service:
        until(lambda: service.metric("collections_total") >= 5, "five runs")
        process = psutil.Process(service.process.popen.pid)
        before = memory(process.pid)[0], process.num_fds(), process.num_threads()
        until(lambda: service.metric("collections_total") >= RUNS, f"{RUNS} runs", seconds=RUNS * 30)
        after = memory(process.pid)[0], process.num_fds(), process.num_threads()
        outcomes = Counter(run["outcome"] for run in collector.runs())
    print(
        f"memory {before[0] / MIB:.1f} to {after[0] / MIB:.1f} MiB, descriptors {before[1]} to {after[1]}, {outcomes}"
    )

    assert after[0] < before[0] + GROWTH
    assert after[1] <= before[1] + 3
    assert after[2] <= before[2] + 1
    assert outcomes["failed"] == outcomes["interrupted"] == 0


def test_many_readers_are_served_during_a_run(collector: Collector) -> None:
    with collector.serving() as service:
        until(lambda: service.metric("runs_in_progress") == 1, "a run under way")
        with ThreadPoolExecutor(READERS) as pool:
            paths = ["/health", "/metrics", "/health/live", "/health/ready"]
            requested = pool.map(lambda number: _status(service.url + paths[number % 4]), range(REQUESTS))
            statuses = Counter(requested)
        until(lambda: service.metric("collections_total", outcome="succeeded") >= 1, "the run is over")
    print(dict(statuses))

    assert statuses[200] == REQUESTS
    assert compare(collector) == []


@needs("pgbouncer")
def test_after_random_faults_behind_a_pooler_the_warehouse_equals_oura(collector: Collector) -> None:
    chance = random.Random(SEED)
    rates = {"429": 0.03, "500": 0.03, "cut": 0.02, "drop": 0.02, "slow": 0.05}
    with pgbouncer(collector.database, "transaction") as pooled:
        way: dict[str, Any] = {"DATABASE_URL": url(pooled), "DATABASE_DIRECT_URL": url(collector.database)}
        with collector.serving(COLLECTION_INTERVAL="2", **way) as service:
            collector.simulator.fault("random", rates=rates, seed=SEED, ms=500, retry_after=1)
            deadline = time.monotonic() + ROUGH_SECONDS
            while time.monotonic() < deadline:
                edit(collector, chance)
                # About one a minute: most runs must get through, or nothing but failing would be tried.
                collector.value(chance.choice([END_LOCK, END_LOADING, END_ANY] + ["SELECT 1"] * 30))
                time.sleep(chance.uniform(1, 8))
                assert service.get("/health/live")[0] == 200
            collector.simulator.clear_faults()
        collector.run("--once", "--wait", **way)
        outcomes = Counter(run["outcome"] for run in collector.runs())
    print(dict(outcomes))

    assert compare(collector) == []
    assert outcomes["succeeded"] + outcomes["partial"] >= 2


def compare(collector: Collector) -> list[str]:
    return differences(collector.rows, collector.simulator, ["user-1", "user-2", "user-3"], START)


def edit(collector: Collector, chance: random.Random) -> None:
    """Have Oura amend something of the last days."""
    user, collection = f"user-{chance.randint(1, 3)}", chance.choice(EDITED)
    since = (date.fromisoformat(TODAY) - timedelta(days=chance.randint(1, 8))).isoformat()
    documents = collector.simulator.documents(user, collection, start=since)
    if documents:
        document = chance.choice(documents)
        op = chance.choice(["delete", "recreate", "rescore" if "score" in document else "recreate"])
        collector.simulator.edit(user=user, collection=collection, op=op, id=document["id"])


def disturb(collector: Collector, chance: random.Random) -> str:
    """Start a run and disturb it at a random moment; return what was done."""
    process = collector.start("--once", "--wait")
    time.sleep(chance.uniform(1, 10))
    how = chance.choice(["kill all", "kill the parent", "kill a plugin", "stop", "end the lock", "end the loading"])
    if process.popen.poll() is not None:
        return "ended before"
    if how == "kill all":
        for each in [*_children(process), process.popen]:
            with suppress(psutil.Error, ProcessLookupError):
                each.kill()
    elif how == "kill the parent":
        process.popen.kill()
    elif how == "kill a plugin":
        plugins = _children(process)
        if plugins:
            with suppress(psutil.Error):
                chance.choice(plugins).kill()
    elif how == "stop":
        process.signal(signal.SIGTERM)
    else:
        collector.value(END_LOCK if how == "end the lock" else END_LOADING)
    process.wait()
    return how


def _children(process: Process) -> list[psutil.Process]:
    with suppress(psutil.Error):
        children: list[psutil.Process] = psutil.Process(process.popen.pid).children(recursive=True)
        return children
    return []


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return int(answer.status)
    except OSError as error:
        return int(getattr(error, "code", 0) or 0)
