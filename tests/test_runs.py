"""The runner and its change detection, in this process: with a real PostgreSQL, and Meltano where a run starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from oura_collector.database.connection import Database
from oura_collector.database.lock import Busy, only_run
from oura_collector.pipeline.environment import Tap
from oura_collector.runs import changed_rows
from oura_collector.runs.runner import Runner
from oura_collector.runs.status import Status
from oura_collector.service.metrics import values
from oura_collector.settings import Settings, SettingsError
from tap_oura.accounts import Account, Static

RUNS = "SELECT asked_by, outcome, reason FROM oura_collector.runs ORDER BY run_id"
TABLES = """
CREATE TABLE public.oura_sleep (user_id text, date date, score int);
CREATE TABLE public.oura_rings (user_id text, color text);
CREATE TABLE public.diary (user_id text, date date);
INSERT INTO oura_sleep
VALUES ('user-1', '2026-03-01', 80), ('user-1', '2026-03-02', 81), ('user-2', '2026-03-02', 70);"""


@pytest.fixture
def database(make_database: Callable[[], Database]) -> Database:
    return make_database()


def execute(database: Database, statement: str) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def runner(database: Database, folder: Path, tap: Mapping[str, str] | SettingsError) -> Runner:
    def given() -> Tap:
        if isinstance(tap, SettingsError):
            raise tap
        return Tap(tap, [Account(None, Static("token"), is_named=False)])

    return Runner(Settings(data_dir=folder, oura_api_token="token"), database, given)


def test_changed_rows_are_counted_by_account_and_table_with_their_days(database: Database) -> None:
    execute(database, TABLES)
    mark = changed_rows.now(database)

    assert changed_rows.since(database, mark) == []

    execute(
        database,
        """
        UPDATE oura_sleep SET score = 82 WHERE date = '2026-03-01';
        INSERT INTO oura_sleep VALUES ('user-1', '2026-03-03', 83);
        INSERT INTO oura_rings VALUES ('user-1', 'gold');
        INSERT INTO diary VALUES ('user-1', '2026-03-03');""",
    )

    assert changed_rows.since(database, mark) == [
        {"user": "user-1", "table": "oura_sleep", "rows": 2, "first_day": "2026-03-01", "last_day": "2026-03-03"}
    ]


def test_an_unreachable_database_has_no_mark_and_no_changes() -> None:
    away = Database({"host": "127.0.0.1", "port": "1", "dbname": "app", "connect_timeout": "2"})

    assert changed_rows.now(away) is None
    assert changed_rows.since(away, None) == []
    assert changed_rows.since(away, "1") == []


def test_the_last_collection_is_awaited_from_the_end_of_the_first_run(database: Database) -> None:
    status = Status(database)
    try:

        def waited() -> float:
            snapshot = status.read()
            (last,) = values(snapshot)["last_collection_timestamp"].values()
            return snapshot.read_at - last

        assert waited() == pytest.approx(0)
        execute(
            database, "INSERT INTO oura_collector.runs (asked_by, started_at) VALUES ('once', now() - interval '3h')"
        )
        assert waited() == pytest.approx(0), "a first run may take hours"
        execute(database, "UPDATE oura_collector.runs SET outcome = 'failed', finished_at = now()")
        execute(database, "INSERT INTO oura_collector.runs (asked_by) VALUES ('once')")
        assert waited() == pytest.approx(3 * 3600, abs=60)
    finally:
        status.close()


def test_a_runner_writes_nothing_if_the_database_is_busy(database: Database, tmp_path: Path) -> None:
    with only_run(database), pytest.raises(Busy):
        runner(database, tmp_path, {}).live("once")

    assert execute(database, RUNS) == []


def test_a_stopping_runner_starts_no_run(database: Database, tmp_path: Path) -> None:
    stopping = runner(database, tmp_path, {})
    stopping.stop()

    with pytest.raises(Busy, match="stopping"):
        stopping.live("once")

    assert execute(database, RUNS) == []


def test_a_runner_without_credentials_starts_no_run(database: Database, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no credentials"):
        runner(database, tmp_path, SettingsError("no credentials")).live("once")


def test_settings_refused_by_the_tap_are_the_runs_reason(database: Database, tmp_path: Path) -> None:
    variables = {
        "TAP_OURA_API_URL": "http://127.0.0.1:1",
        "TAP_OURA_ACCESS_TOKEN": "token",
        "TAP_OURA_TOKEN_STORE": str(tmp_path / "store"),
        "TAP_OURA_START_DATE": "2024-13-01",
    }

    result = runner(database, tmp_path, variables).live("once")

    assert (result.outcome, result.reason, result.exit_code) == ("failed", "settings", 2)
    assert "start_date" in str(result.message)
    assert execute(database, RUNS) == [("once", "failed", "settings")]
    assert list(tmp_path.glob("meltano/*/batches-*")) == []


def test_an_unreachable_oura_is_the_runs_reason(database: Database, tmp_path: Path) -> None:
    variables = {
        "TAP_OURA_API_URL": "http://127.0.0.1:1",
        "TAP_OURA_ACCOUNTS": '[{"user": "user-1", "access_token": "token"}]',
        "TAP_OURA_TOKEN_STORE": str(tmp_path / "store"),
        "TAP_OURA_START_DATE": "2026-03-01",
        "TAP_OURA_COLLECTIONS": '["daily_sleep", "workout"]',
        "TAP_OURA_MAX_RETRIES": "0",
    }

    result = runner(database, tmp_path, variables).live("once")

    assert (result.outcome, result.reason, result.may_pass) == ("failed", "unreachable", True)
    assert {each.collection for each in result.failures} == {"daily_sleep", "workout"}
    assert execute(database, RUNS) == [("once", "failed", "unreachable")]
