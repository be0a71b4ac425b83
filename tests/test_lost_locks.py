"""A run that loses the lock stops, and can neither move a bookmark nor build; its sessions are ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from oura_collector.database import lock
from oura_collector.database.connection import Database
from oura_collector.runs.run_log import RunLog
from oura_collector.settings import PROJECT
from oura_simulator.testing import running

from tests.collector_process import Collector, Process, until
from tests.conftest import PERSON
from tests.poolers import pgbouncer
from tests.programs import needs

END_LOCK = """
SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_locks WHERE locktype = 'advisory'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
SESSIONS = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'oura-run-%s' AND datname = current_database()"
)
WAITS = """
SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'oura-run-%' AND wait_event_type = 'Lock'
    AND datname = current_database()"""
ANY_WAITS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"""
BUILDS = "SELECT count(*) FROM oura_staging.builds"
"""Good ones: a build takes the marker of the last one away before it begins."""
STATE = "SELECT completed_state FROM meltano.state"


@pytest.fixture(scope="module")
def collector(
    make_database: Callable[..., Database], installed: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Collector]:
    """An installation that has collected once."""
    with running(**PERSON) as simulator:
        settings = {"STOP_SECONDS": "60"}
        yield Collector(make_database(installed), simulator, tmp_path_factory.mktemp("collector"), settings)


def blocked_build(collector: Collector) -> Process:
    """A run whose build waits for a table."""
    process = collector.start("--force")
    until(lambda: collector.value(WAITS) > 0, "a build that waits")
    return process


def ended_run(collector: Collector) -> int:
    """The number of a run whose lock another has taken since."""
    run = RunLog(collector.database).start("once")
    with lock.only_run(collector.database):
        pass
    return run


def contents(collector: Collector) -> list[object]:
    """What the commands change: rows of the wearer, bookmarks."""
    return [collector.value(f"SELECT count(*) FROM oura_raw.{table}") for table in ("sleep", "workout")] + [
        collector.rows(STATE)
    ]


def named(collector: Collector, name: str) -> Database:
    """The database, for sessions of that name."""
    return Database({**collector.database.parameters, "application_name": name})


def test_a_run_that_loses_its_lock_while_extracting_stops_with_the_reason(collector: Collector) -> None:
    collector.simulator.fault("slow", ms=3000)
    collector.simulator.call("DELETE", "requests")
    process = collector.start("--once")
    until(lambda: len(collector.simulator.requests()) > 2, "a run that reads")
    before = collector.rows(STATE)

    assert collector.value(END_LOCK) == 1
    assert process.wait() == 1, process.log()
    collector.simulator.clear_faults()

    (finished,) = process.events("run finished")
    assert (finished["outcome"], finished["reason"]) == ("failed", "database")
    assert "lost its lock" in finished["message"]
    assert collector.runs()[-1]["message"] == finished["message"]
    assert collector.rows(STATE) == before
    assert collector.value(SESSIONS % finished["run"]) == 0


def test_a_run_that_loses_its_lock_while_building_stops_without_delaying_the_next(
    collector: Collector,
) -> None:
    with collector.database.reach() as person, person.transaction():
        person.execute("LOCK TABLE public.oura_activity")
        process = blocked_build(collector)

        assert collector.value(END_LOCK) == 1
        assert process.wait() == 1, process.log()

        (finished,) = process.events("run finished")
        assert (finished["outcome"], finished["reason"]) == ("failed", "database")
        assert collector.value(SESSIONS % finished["run"]) == 0
    assert collector.value(BUILDS) == 0


def test_the_next_run_ends_the_sessions_of_a_killed_run(collector: Collector) -> None:
    with collector.database.reach() as person, person.transaction():
        person.execute("LOCK TABLE public.oura_activity")
        process = blocked_build(collector)
        for each in [*psutil.Process(process.popen.pid).children(recursive=True), process.popen]:
            os.kill(each.pid, signal.SIGKILL)
        process.wait()
        run = collector.runs()[-1]["run_id"]
        until(lambda: collector.value(END_LOCK.replace("pg_terminate_backend(pid, 5000)", "pid")) == 0, "no lock", 20)
        assert collector.value(SESSIONS % run) > 0

        with lock.only_run(collector.database):
            assert collector.value(SESSIONS % run) == 0
    assert collector.runs()[-1]["outcome"] == "interrupted"


def test_a_users_table_lock_fails_the_build_by_name_after_a_timeout(collector: Collector) -> None:
    with psycopg.connect(**collector.database.parameters, application_name="a notebook") as person:  # type: ignore[arg-type]
        pid = person.info.backend_pid
        person.execute("LOCK TABLE public.oura_activity")
        process = collector.run("--force", code=1, PGOPTIONS="-clock_timeout=6s")

    (finished,) = process.events("run finished")
    assert (finished["outcome"], finished["reason"]) == ("failed", "database")
    assert f"oura_activity is locked by process {pid} of PostgreSQL (a notebook)" in finished["message"]


def test_a_fenced_writer_moves_no_bookmark_and_a_plain_one_does(collector: Collector) -> None:
    late = f"oura-run-{ended_run(collector)}"
    before = collector.rows(STATE)
    write = "UPDATE meltano.state SET completed_state = completed_state || ' '"

    for statement in (write, "DELETE FROM meltano.state", "INSERT INTO meltano.state (state_id) VALUES ('new')"):
        with named(collector, late).reach() as session, pytest.raises(psycopg.OperationalError) as refused:
            session.execute(statement.encode())
        assert "lost the lock and may not write any more" in str(refused.value)
    assert collector.rows(STATE) == before
    with named(collector, "a person").reach() as session, session.transaction(force_rollback=True):
        assert session.execute(write.encode()).rowcount == 1

    # Meltano itself, as its own command.
    set_state = ("state", "set", "--force", "prod:tap-oura-to-target-postgres", '{"singer_state": {"bookmarks": {}}}')
    assert "lost the lock" in meltano(collector, *set_state, code=1, PGAPPNAME=late)
    assert collector.rows(STATE) == before
    # Building, too.
    built = meltano(collector, "run", "dbt:marts", code=1, PGAPPNAME=late)
    assert "lost the lock" in built
    assert "WARN=0 ERROR=0" not in built
    meltano(collector, *set_state, code=0)
    assert collector.bookmarks() == {}


def test_a_run_waits_for_a_dead_runs_commit_or_fences_it(collector: Collector) -> None:
    run = RunLog(collector.database).start("once")
    end = "UPDATE oura_collector.runs SET outcome = 'interrupted' WHERE run_id = %s"
    impatient = collector.database.with_options("-clock_timeout=500ms")
    with named(collector, f"oura-run-{run}").reach() as late, impatient.reach() as other:
        with late.transaction():
            late.execute("SELECT oura_collector.check_run()")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                other.execute(end, [run])
        other.execute(end, [run])
        with pytest.raises(psycopg.OperationalError):
            late.execute("SELECT oura_collector.check_run()")


@pytest.mark.parametrize(
    ("command", "table"),
    [
        ("erase --yes --user {user}", "oura_raw.sleep"),
        ("rewind --user {user} --to 2026-01-01", "meltano.state"),
        ("purge", "public.oura_activity"),
    ],
)
def test_a_command_that_loses_its_lock_stops_with_the_reason(collector: Collector, command: str, table: str) -> None:
    user = collector.value("SELECT max(user_id) FROM oura_raw.sleep")
    collector.execute("DELETE FROM oura_staging.builds")  # So that a purge has something to build first.
    part = {"context": {"user_id": user}, "replication_key": "day", "replication_key_value": "2026-02-01"}
    state = json.dumps({"singer_state": {"bookmarks": {"sleep": {"partitions": [part]}}}})
    collector.execute(f"UPDATE meltano.state SET completed_state = '{state}'")
    before = contents(collector)
    with collector.database.reach() as person, person.transaction():
        person.execute(f"LOCK TABLE {table} IN SHARE MODE".encode())  # It may be read.
        process = collector.start(*command.format(user=user).split())
        until(lambda: collector.value(ANY_WAITS) > 0, f"{command} waits")

        assert collector.value(END_LOCK) == 1
        until(lambda: collector.value(ANY_WAITS) == 0, "what waited is ended")
    assert process.wait() == 1, process.log()

    assert process.log().splitlines()[-1].startswith("collect.py: database: the lock was lost")
    assert "Traceback" not in process.log()
    assert contents(collector) == before
    with lock.only_run(collector.database):
        pass


def test_a_demo_that_loses_its_lock_stops(make_database: Callable[[], Database], tmp_path: Path) -> None:
    database = make_database()
    with running(accounts=1, days=1) as simulator:
        collector = Collector(database, simulator, tmp_path)
        process = collector.start("demo")
        try:
            until(lambda: collector.value("SELECT to_regclass('oura_raw.sleep') IS NOT NULL"), "a demo that loads")
            assert collector.value(END_LOCK) == 1
            assert process.wait() == 1, process.log()
        finally:
            collector.run("stop")

    assert "the lock was lost" in process.log()
    assert collector.value("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'oura-collect-%'") == 0


def test_a_lock_is_lost_when_its_session_ends(make_database: Callable[[], Database]) -> None:
    database = make_database()
    with lock.only_run(database) as hold, database.connect() as other:
        assert hold.is_held()
        other.execute(END_LOCK)
        assert not hold.is_held()
        assert not hold.alone()


@needs("pgbouncer")
def test_a_lock_is_lost_in_time_when_its_server_is_silent(
    make_database: Callable[[], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "ANSWER", 1.0)
    monkeypatch.setattr(lock, "LOOK_AGAIN", 0.2)
    lost = threading.Event()
    with pgbouncer(make_database(), "session", ignored="options") as pooled, lock.only_run(pooled) as hold:
        hold.watch("oura-run-0", lost.set)
        assert not lost.wait(2)
        (silent,) = [child for child in psutil.Process().children() if child.name() == "pgbouncer"]
        silent.suspend()
        try:
            assert lost.wait(10)
        finally:
            silent.resume()


def meltano(collector: Collector, *arguments: str, code: int, **environment: str) -> str:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("meltano")), *arguments],
        cwd=PROJECT,
        env={
            **collector.environment(),
            **collector.database.environment(),
            "MELTANO_ENVIRONMENT": "prod",
            "NO_COLOR": "1",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == code, done.stdout[-3000:]
    return done.stdout
