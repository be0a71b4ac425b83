"""Random histories through the real loader, Meltano and dbt: each account has its own, all share the runs.

OURA_REAL_HISTORIES says how many (10; 100 in the soak). The seed is printed; OURA_SEED repeats it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from oura_collector.database.connection import Database
from oura_collector.settings import PROJECT
from oura_simulator.testing import running
from tap_oura.catalog.collections import COLLECTIONS, DEFAULT_COLLECTIONS, Query

from tests.conftest import NOW, TODAY, Pipeline

HISTORIES = int(os.environ.get("OURA_REAL_HISTORIES", "10"))
SEED = int(os.environ.get("OURA_SEED", random.SystemRandom().randrange(10**6)))
ROUNDS = 3
DAY = date.fromisoformat(TODAY)
DAYS = 12

EDITED = ("daily_sleep", "daily_readiness", "sleep", "workout", "session", "enhanced_tag", "daily_activity")
FAULTS = ("status", "scope_401", "cut", "drop", "repeat_token", "duplicate", "empty_page")


class Histories:
    """What befalls the accounts, drawn from one source of chance."""

    def __init__(self, pipeline: Pipeline, users: list[str], chance: random.Random) -> None:
        self.pipeline = pipeline
        self.simulator = pipeline.simulator
        self.users = users
        self.chance = chance
        self.undone: list[int] = []

    def play_a_round(self) -> None:
        """Let something happen to everybody, then run; some runs are killed."""
        for user in self.users:
            for _ in range(self.chance.randint(1, 3)):
                self.chance.choice([self.edit, self.edit, self.late, self.arrive, self.fault])(user)
        if self.chance.random() < 0.5:
            self.kill_a_run()
        self.pipeline.meltano("run", "--force", "tap-oura", "target-postgres")
        if self.chance.random() < 0.5:
            self.simulator.clear_faults()

    def edit(self, user: str) -> None:
        collection, days = self.chance.choice(EDITED), self.chance.randint(0, 8)
        since = DAY - timedelta(days=days)
        found = self.simulator.documents(user, collection, start=str(since))
        if found:
            document = self.chance.choice(found)
            op = self.chance.choice(["delete", "recreate", "add", "rescore" if "score" in document else "delete"])
            if op == "add":
                another = {name: value for name, value in document.items() if name != "id"}
                self.simulator.edit(user=user, collection=collection, op="add", document=another)
            else:
                self.simulator.edit(user=user, collection=collection, op=op, id=document["id"])

    def late(self, user: str) -> None:
        start = DAY - timedelta(days=self.chance.randint(0, 6))
        self.simulator.edit(user=user, op="late", start=str(start), end=str(start + timedelta(days=1)))

    def arrive(self, user: str) -> None:
        self.simulator.edit(user=user, op="arrive")

    def fault(self, user: str) -> None:
        kind, collection = self.chance.choice(FAULTS), self.chance.choice([*EDITED, "heartrate"])
        self.simulator.fault(kind, user=user, collection=collection, times=self.chance.randint(1, 4))

    def kill_a_run(self) -> None:
        process = subprocess.Popen(
            self.pipeline.command("run", "--force", "tap-oura", "target-postgres"),
            cwd=PROJECT,
            env=self.pipeline.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(self.chance.uniform(1, 8))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def played(make_database: Callable[[], Database], folder: Any) -> Iterator[tuple[Pipeline, list[str]]]:
    """Histories that are over: nothing is wrong any more, and one last run was made."""
    print(f"OURA_SEED={SEED} OURA_REAL_HISTORIES={HISTORIES}")
    start = DAY - timedelta(days=DAYS)
    with running(accounts=HISTORIES, days=60, seed=SEED % 1000, today=NOW) as simulator:
        accounts = [{"user": each["user"], "access_token": each["token"]} for each in simulator.accounts]
        settings = {"TAP_OURA_ACCOUNTS": json.dumps(accounts), "TAP_OURA_MAX_RETRIES": "0"}
        pipeline = Pipeline(make_database(), simulator, folder, str(start), settings)
        histories = Histories(pipeline, [each["user"] for each in accounts], random.Random(SEED))
        for _ in range(ROUNDS):
            histories.play_a_round()
        simulator.clear_faults()
        pipeline.meltano("run", "--force", "sync")
        yield pipeline, histories.users


def test_the_warehouse_equals_oura_document_by_document(played: tuple[Pipeline, list[str]]) -> None:
    pipeline, users = played
    for collection in COLLECTIONS.values():
        if collection.query is not Query.DATES or collection.name not in DEFAULT_COLLECTIONS:
            continue
        rows = pipeline.rows(f"SELECT user_id, document_id FROM oura_staging.stg_oura__{collection.name}")
        for user in users:
            known = pipeline.simulator.documents(user, collection.segment, start=pipeline.start_date)
            here = sorted(row["document_id"] for row in rows if row["user_id"] == user)
            assert here == sorted(document["id"] for document in known), f"{collection.name} of {user}, seed {SEED}"


def test_every_score_equals_ouras(played: tuple[Pipeline, list[str]]) -> None:
    pipeline, users = played
    for name in ("sleep", "readiness", "activity"):
        collection = f"daily_{name}"
        rows = pipeline.rows(f"SELECT document_id, score FROM oura_staging.stg_oura__{collection}")
        here = {row["document_id"]: row["score"] for row in rows}
        for user in users:
            for document in pipeline.simulator.documents(user, collection, start=pipeline.start_date):
                assert here[document["id"]] == document["score"], f"{collection} of {user}, seed {SEED}"


def test_every_heart_rate_sample_is_in_the_mart(played: tuple[Pipeline, list[str]]) -> None:
    pipeline, users = played
    count = "SELECT user_id, count(*) AS n, sum(bpm) AS beats FROM oura_heart_rate GROUP BY 1"
    rows = {row["user_id"]: (row["n"], row["beats"]) for row in pipeline.rows(count)}
    for user in users:
        samples = pipeline.simulator.documents(user, "heartrate", start=pipeline.first_utc_day)
        assert rows[user] == (len(samples), sum(sample["bpm"] for sample in samples)), f"{user}, seed {SEED}"


def test_every_past_day_has_the_status_that_ouras_data_implies(played: tuple[Pipeline, list[str]]) -> None:
    pipeline, users = played
    # Of younger days the hour decides, which is the models' unit tests' business.
    over = DAY - timedelta(days=3)
    rows = pipeline.rows("SELECT user_id, collection, date, status FROM oura_completeness WHERE date <= %s", over)
    statuses = {(row["user_id"], row["collection"], row["date"]): row["status"] for row in rows}
    checked = 0
    for user in users:
        for collection in COLLECTIONS.values():
            if collection.cursor is None or collection.name not in DEFAULT_COLLECTIONS:
                continue
            documents = pipeline.simulator.documents(user, collection.segment, start=pipeline.start_date)
            present = {date.fromisoformat(document[collection.cursor][:10]) for document in documents}
            day = date.fromisoformat(pipeline.start_date)
            while day <= over:
                status = statuses[user, collection.name, day]
                where = f"{collection.name} of {user} on {day}, seed {SEED}"
                if day in present:
                    assert status == "present", where
                else:
                    assert status in ("nothing_at_oura", "ring_not_worn", "not_synced_yet"), where
                checked += 1
                day += timedelta(days=1)
    assert checked >= len(users) * 9 * 16
