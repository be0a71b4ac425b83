"""The collector as operators use it: `collect.py` in a process of its own, HTTP, and the database."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import psycopg
from oura_collector.database.connection import Database
from oura_collector.settings import PROJECT
from oura_simulator.testing import Running
from prometheus_client.parser import text_string_to_metric_families
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from tests.shared import dbt_folders

TIMEOUT = 240.0
"""Seconds until something that must happen counts as not happening; generous, for machines that are busy."""

MIB = 2**20

Rows = list[dict[str, Any]]


def url(database: Database) -> str:
    """What an operator writes as DATABASE_URL."""
    return database.url().replace("+psycopg", "", 1)


@dataclass
class Collector:
    """One installation: a database, a simulator in Oura's place, a folder for local files."""

    database: Database
    simulator: Running
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    def environment(self, **changes: str) -> dict[str, str]:
        settings = {**self.settings, **changes}
        days = int(settings.get("DAYS_TO_BACKFILL", "20"))
        outside = {name: value for name, value in os.environ.items() if not name.startswith(("TAP_OURA", "MELTANO"))}
        return {
            **outside,
            "DATABASE_URL": url(self.database),
            "OURA_API_URL": self.simulator.url,
            "OURA_API_TOKEN": "token-1",
            "MAX_RETRIES": "1",
            "DAYS_TO_BACKFILL": str(days),
            # The same days for all runs of a test, also where the machine's clock passes midnight between two.
            "TAP_OURA_START_DATE": settings.get("TAP_OURA_START_DATE") or self._days_ago(days),
            "LISTEN_HOST": "127.0.0.1",
            "LOG_FORMAT": "json",
            "DATA_DIR": str(self.folder),
            **dbt_folders(self.database),
            **settings,
        }

    def _days_ago(self, days: int) -> str:
        return str(self.simulator.now().date() - timedelta(days=days))

    def start(self, *arguments: str, **settings: str) -> Process:
        name = self.folder / str(time.monotonic_ns())
        with name.with_suffix(".log").open("w") as log, name.with_suffix(".out").open("w") as output:
            popen = subprocess.Popen(
                [sys.executable, "collect.py", *arguments],
                cwd=PROJECT,
                env=self.environment(**settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
            )
        return Process(popen, name)

    def run(self, *arguments: str, code: int = 0, **settings: str) -> Process:
        """Run to the end; fails with the log where the exit code is another."""
        process = self.start(*arguments, **settings)
        assert process.wait() == code, process.log()
        return process

    @contextmanager
    def serving(self, *arguments: str, **settings: str) -> Iterator[Service]:
        """The service, while the block lasts."""
        port = _free_port()
        process = self.start("serve", *arguments, PORT=str(port), **settings)
        service = Service(process, f"http://127.0.0.1:{port}")
        try:
            until(lambda: service.get("/health/live")[0] == 200, "the service answers")
            yield service
        finally:
            process.end()

    def rows(self, query: str, *parameters: Any) -> Rows:
        with psycopg.connect(make_conninfo(**self.database.parameters), row_factory=dict_row) as connection:
            return connection.execute(query.encode(), parameters or None).fetchall()

    def value(self, query: str) -> Any:
        return next(iter(self.rows(query)[0].values()))

    def execute(self, statement: str) -> None:
        with self.database.connect() as connection:
            connection.execute(statement.encode())

    def bookmarks(self) -> dict[str, str]:
        """The live bookmark of each collection of the only account."""
        rows = self.rows(
            "SELECT completed_state FROM meltano.state WHERE state_id = 'prod:tap-oura-to-target-postgres'"
        )
        streams = json.loads(rows[0]["completed_state"])["singer_state"]["bookmarks"] if rows else {}
        return {
            name: partition["replication_key_value"]
            for name, stream in streams.items()
            for partition in stream.get("partitions", [])
            if "replication_key_value" in partition
        }

    def runs(self) -> Rows:
        return self.rows("SELECT * FROM oura_collector.runs ORDER BY run_id")


@dataclass
class Process:
    """A `collect.py` under way."""

    popen: subprocess.Popen[bytes]
    path: Path

    def wait(self) -> int:
        return self.popen.wait(TIMEOUT)

    def log(self) -> str:
        return self.path.with_suffix(".log").read_text()[-6000:]

    def output(self) -> str:
        """What went to standard output."""
        return self.path.with_suffix(".out").read_text()

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log's events of that name; a line that is not JSON fails the test."""
        events = [json.loads(line) for line in self.path.with_suffix(".log").read_text().splitlines()]
        return [event for event in events if event["event"] == name]

    def signal(self, which: signal.Signals) -> None:
        self.popen.send_signal(which)

    def end(self) -> None:
        if self.popen.poll() is None:
            self.popen.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.popen.wait(40)
            self.popen.kill()


@dataclass
class Service:
    process: Process
    url: str

    def get(self, path: str) -> tuple[int, str]:
        """Status and body; status 0 where nobody answers."""
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def health(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.get("/health")[1])
        return found

    def metric(self, name: str, **labels: str) -> float:
        """Sum of the samples with these labels."""
        samples = [
            sample
            for family in text_string_to_metric_families(self.get("/metrics")[1])
            for sample in family.samples
            if sample.name == f"oura_collector_{name}" and labels.items() <= sample.labels.items()
        ]
        assert samples, f"no metric {name} {labels}"
        return sum(sample.value for sample in samples)


def until(condition: Callable[[], bool], what: str, seconds: float = TIMEOUT) -> None:
    """Wait for something to become true. Fails by its name where it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.1)


def memory(pid: int) -> tuple[int, int]:
    """Bytes of the process itself and of its whole tree, shared pages shared out (PSS)."""
    process = psutil.Process(pid)
    own, tree = process.memory_full_info().pss, 0
    for each in process.children(recursive=True):
        try:
            tree += each.memory_full_info().pss
        except psutil.Error:
            continue
    return own, own + tree


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
