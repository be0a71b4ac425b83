"""The operator's command `collect.py`, as a person or a scheduler calls it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from oura_collector.database.connection import Database
from oura_collector.database.lock import only_run
from oura_collector.settings import PROJECT
from oura_simulator.testing import running

from tests.conftest import Pipeline
from tests.shared import dbt_folders


def collect(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Call collect.py with nothing of ours in the environment but what is given."""
    prefixes = ("DATABASE_", "OURA_", "TAP_OURA", "MELTANO", "DATA_DIR")
    outside = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
    return subprocess.run(
        [sys.executable, str(PROJECT / "collect.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**outside, **environment},
        cwd="/",
        timeout=300,
    )


def url(database: Database) -> str:
    return database.url().replace("+psycopg", "", 1)


@pytest.fixture
def empty(make_database: Callable[[], Database]) -> Database:
    return make_database()


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        (
            {},
            "register an application at Oura (docs/credentials.md explains how), set OURA_CLIENT_ID and OURA",
        ),
        ({"OURA_CLIENT_ID": "a"}, "set OURA_CLIENT_SECRET in .env or in the environment, and run '"),
        ({"OURA_CLIENT_ID": "a", "OURA_CLIENT_SECRET": "b"}, "nobody is logged in yet; run '"),
    ],
)
def test_a_run_without_credentials_names_the_next_step(tmp_path: Path, given: dict[str, str], advice: str) -> None:
    nothing = dict.fromkeys(("OURA_API_TOKEN", "OURA_CLIENT_ID", "OURA_CLIENT_SECRET"), "")
    settings = {**nothing, **given, "DATA_DIR": str(tmp_path)}
    done = collect("--once", **settings)

    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"collect.py: no credentials: {advice}")
    assert "collect.py login'" in line
    assert "OURA_API_TOKEN" not in line  # Oura issues none any more.
    assert advice in collect("status", **settings).stdout


@pytest.mark.parametrize(
    ("name", "value"), [("DATABASE_PORT", "five"), ("MAX_RETRIES", "-1"), ("DATABASE_URL", "://nonsense")]
)
def test_a_bad_setting_is_one_line(name: str, value: str, tmp_path: Path) -> None:
    done = collect("setup", **{"DATA_DIR": str(tmp_path), name: value})

    assert done.returncode == 2
    assert done.stderr.startswith(f"collect.py: {name}: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "name",
    "DATABASE_URL LISTEN_HOST OURA_API_TOKEN OURA_CLIENT_SECRET USER_MAPPING oura_api_url PGPASSWORD".split(),
)
def test_arguments_that_are_not_utf_8_are_one_line(name: str, tmp_path: Path) -> None:
    done = collect("status", **{"DATA_DIR": str(tmp_path), "MULTI_USER_MODE": "true", name: "pl\udcffanted"})

    assert done.returncode == 2
    assert done.stderr == f"collect.py: {name}: is not UTF-8 text; set it in that encoding\n"


@pytest.mark.parametrize(
    "words", ["--start-date 2026-01-01", "login", "logout", "rewind --to 2026-01-01", "export", "erase"]
)
def test_an_account_name_that_is_not_utf_8_is_one_line(words: str, tmp_path: Path) -> None:
    done = collect(*words.split(), "--user", "ann\udcff", DATA_DIR=str(tmp_path), OURA_API_TOKEN="token-1")

    assert done.returncode == 2
    assert done.stderr.startswith("collect.py: Invalid value for '--user': this is not UTF-8 text")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "words", ["--user x export", "--once status", "--wait erase --user x", "--start-date 2026-01-01 psql"]
)
def test_options_of_a_run_before_a_command_are_refused(words: str, tmp_path: Path) -> None:
    done = collect(*words.split(), DATA_DIR=str(tmp_path))

    command = next(word for word in words.split() if word in ("export", "status", "erase", "psql"))
    assert done.returncode == 2
    assert done.stderr == f"collect.py: these options do not go with a command; see '{command} --help'\n"


def test_once_collects_from_the_api_of_the_settings(empty: Database, folder: Path, tmp_path: Path) -> None:
    with running(accounts=1, days=40) as simulator:
        done = collect(
            "--once",
            DATABASE_URL=url(empty),
            DATA_DIR=str(tmp_path),
            OURA_API_URL=simulator.url,
            OURA_API_TOKEN="token-1",
            DAYS_TO_BACKFILL="10",
            COLLECT_WORKOUTS="false",
            **dbt_folders(empty),
        )
        assert done.returncode == 0, done.stdout[-3000:]
        requested = {request["path"].rsplit("/", 1)[-1] for request in simulator.requests()}

    pipeline = Pipeline(empty, simulator, folder)
    (found,) = pipeline.rows("SELECT count(*) AS days, count(DISTINCT user_id) AS users FROM oura_activity")
    assert 8 <= found["days"] <= 11
    assert found["users"] == 1
    assert "sleep" in requested
    assert "workout" not in requested
    assert "token-1" not in done.stdout + done.stderr
    assert pipeline.rows("SELECT state_id FROM meltano.state")[0]["state_id"] == "prod:tap-oura-to-target-postgres"


def test_a_second_run_on_the_same_database_exits_with_75(empty: Database, tmp_path: Path) -> None:
    with only_run(empty):
        done = collect("--once", DATABASE_URL=url(empty), DATA_DIR=str(tmp_path), OURA_API_TOKEN="token-1")

    assert done.returncode == 75
    assert len(done.stderr.splitlines()) == 1


def test_psql_opens_the_chosen_database(empty: Database, tmp_path: Path) -> None:
    done = collect("psql", "-Atc", "SELECT current_database()", DATABASE_URL=url(empty), DATA_DIR=str(tmp_path))

    assert done.stdout.strip() == empty.parameters["dbname"]


def test_meltano_is_called_with_the_settings_of_the_project(collected: Pipeline, tmp_path: Path) -> None:
    done = collect(
        "meltano",
        "--log-level",
        "critical",
        "state",
        "list",
        DATABASE_URL=url(collected.database),
        DATA_DIR=str(tmp_path),
    )

    assert "dev:tap-oura-to-target-postgres" in done.stdout
