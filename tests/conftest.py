"""What crosses the parts is tested with the real ones: PostgreSQL, Meltano, the loader, dbt, a simulator over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from oura_collector.database.connection import Database
from oura_collector.pipeline.process import own_folder
from oura_collector.settings import PROJECT
from oura_simulator.testing import Running, running
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row
from xdist.scheduler import LoadScopeScheduling

from tests import shared
from tests.collector_process import Collector

TODAY = "2026-03-31"
"""The simulated day. The clocks changed on 8 March in America and on 29 March in Europe."""
NOW = f"{TODAY}T20:00:00+00:00"
PEOPLE: dict[str, Any] = {"accounts": 2, "days": 60, "today": NOW}
PERSON: dict[str, Any] = {"accounts": 1, "days": 60, "today": NOW}

# Each run is several short processes, which would compile Meltano, the loader and dbt again and again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

Rows = list[dict[str, Any]]


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shared.begin()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shared.end()


def lane(nodeid: str) -> str:
    """Tests of one lane run in one process, one after another: a file's, where they share what takes long to make."""
    return nodeid.partition("::")[0] if nodeid.startswith("tests/") else nodeid


class Lanes(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types.
    """Deals lanes out in the order of the tests, each to the process that is free first."""

    def _split_scope(self, nodeid: str) -> str:
        return lane(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Lanes:
    config.option.loadscopereorder = False
    return Lanes(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that no process waits long for another."""
    items.sort(key=lambda item: not item.nodeid.startswith("tests/"))


@dataclass
class Pipeline:
    """The project's Meltano on a database and a simulator of its own."""

    database: Database
    simulator: Running
    folder: Path
    start_date: str = "2026-03-01"
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def first_utc_day(self) -> str:
        """Where a time series begins: a UTC day earlier, so that each local day is whole."""
        return str(date.fromisoformat(self.start_date) - timedelta(days=1))

    def environment(self) -> dict[str, str]:
        outside = {name: value for name, value in os.environ.items() if not name.startswith(("TAP_OURA", "MELTANO"))}
        return {
            **outside,
            **self.database.environment(),
            "MELTANO_ENVIRONMENT": "dev",
            "MELTANO_SYS_DIR_ROOT": str(own_folder(self.folder, "tests")),
            "NO_COLOR": "1",
            "TAP_OURA_API_URL": self.simulator.url,
            "TAP_OURA_START_DATE": self.start_date,
            "TAP_OURA_MAX_RETRIES": "1",
            **shared.dbt_folders(self.database),
            **self.settings,
        }

    def command(self, *arguments: str) -> list[str]:
        return [str(Path(sys.executable).with_name("meltano")), *arguments]

    def meltano(self, *arguments: str, code: int = 0, **environment: str) -> str:
        """Run Meltano and return all it said; fails with its last lines where the exit code is another."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=PROJECT,
            env={**self.environment(), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == code, f"exit {done.returncode}\n" + "\n".join(done.stdout.splitlines()[-60:])
        return done.stdout

    def shell(self, command: str) -> None:
        """Run a command as it is published, in the project's folder."""
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        subprocess.run(
            command, shell=True, cwd=PROJECT, env={**self.environment(), "PATH": path}, check=True, timeout=300
        )

    def sync(self, code: int = 0) -> str:
        """The main job: extract, load, build."""
        return self.meltano("run", "sync", code=code)

    def extract_and_load(self, code: int = 0, **environment: str) -> str:
        return self.meltano("run", "tap-oura", "target-postgres", code=code, **environment)

    def state(self) -> dict[str, Any]:
        """The bookmarks, read where Meltano keeps them: asking it takes seconds."""
        (row,) = self.rows("SELECT completed_state FROM meltano.state")
        found: dict[str, Any] = json.loads(row["completed_state"])
        return found

    def rows(self, query: str, *parameters: Any) -> Rows:
        with psycopg.connect(make_conninfo(**self.database.parameters), row_factory=dict_row) as connection:
            return connection.execute(query.encode(), parameters or None).fetchall()

    def execute(self, statement: str) -> None:
        with self.database.connect() as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="session")
def server() -> Database:
    """The server of DATABASE_URL, else an embedded one that all processes of the tests share."""
    return shared.server()


@pytest.fixture(scope="module")
def make_database(server: Database) -> Iterator[Callable[..., Database]]:
    """Makes databases, empty or like another that nobody is connected to, and removes them after the module."""
    with shared.maker(server) as make:
        yield make


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where Meltano keeps its files for all pipelines."""
    return tmp_path_factory.mktemp("pipelines")


def stay_on_one_day(seconds: float = 180) -> None:
    """Let a UTC day that ends within so many seconds do so: the first build of a day is a whole one, with new rows."""
    left = 86_400 - time.time() % 86_400
    if left < seconds:
        time.sleep(left + 1)


@pytest.fixture(scope="session")
def built(server: Database, folder: Path) -> Database:
    """A month of two accounts, one of them travelling west of Greenwich, collected and built. For copying only."""

    def fill(database: Database) -> None:
        with running(**PEOPLE) as simulator:
            Pipeline(database, simulator, folder).sync()

    return shared.once(server, "built", fill)


@pytest.fixture(scope="session")
def installed(server: Database, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """What one `collect.py --once` made of the account of PERSON. For copying only."""

    def fill(database: Database) -> None:
        with running(**PERSON) as simulator:
            Collector(database, simulator, tmp_path_factory.mktemp("installed")).run("--once")

    return shared.once(server, "installed", fill)


@pytest.fixture(scope="session")
def collected(server: Database, built: Database, folder: Path) -> Iterator[Pipeline]:
    """What `built` holds, beside the simulator that it is from. For reading only."""
    with shared.maker(server) as make, running(**PEOPLE) as simulator:
        yield Pipeline(make(built), simulator, folder)


@pytest.fixture(scope="module")
def shared_pipeline(make_database: Callable[..., Database], built: Database, folder: Path) -> Iterator[Pipeline]:
    with running(**PEOPLE) as simulator:
        yield Pipeline(make_database(built), simulator, folder)


@pytest.fixture
def pipeline(shared_pipeline: Pipeline) -> Pipeline:
    """Like `collected`, for tests that change the simulator's data and collect again."""
    shared_pipeline.simulator.reset()
    return shared_pipeline
