"""The tap is tested against a simulator in a process of its own, over real HTTP."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import settings
from oura_simulator.testing import Running, running
from singer_sdk.singerlib.encoding.base import GenericSingerWriter
from tap_oura.tap import TapOura

# A slow machine is no fault of the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# The clocks changed on 8 March in America and on 29 March in Europe.
TODAY = "2026-03-31"
NOW = datetime.fromisoformat(f"{TODAY}T20:00:00+00:00")

HOSTILE_SERVER = Path(__file__).with_name("hostile_server.py")


def lines(file: Path) -> list[dict[str, Any]]:
    """The records of a batch file."""
    content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return [json.loads(line) for line in content.splitlines()]


class Messages(GenericSingerWriter[str, Any]):
    """Keeps the messages of a run instead of writing them to standard output."""

    def __init__(self) -> None:
        self.records: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.states: list[dict[str, Any]] = []
        self.files: list[str] = []

    def serialize_message(self, message: Any) -> str:
        return str(message)

    def write_message(self, message: Any) -> None:
        content = message.to_dict()
        if content["type"] == "RECORD":
            self.records[content["stream"]].append(content["record"])
        elif content["type"] == "BATCH":
            self.files.extend(content["manifest"])
            for url in content["manifest"]:
                self.records[content["stream"]] += lines(Path(urlsplit(url).path))
        elif content["type"] == "STATE":
            self.states.append(deepcopy(content["value"]))


class Run:
    """One run of the tap in this process: its records by stream, its last state, its exit code."""

    def __init__(
        self,
        config: Mapping[str, Any],
        state: Mapping[str, Any] | None = None,
        catalog: dict[str, Any] | None = None,
    ) -> None:
        messages = Messages()
        started = deepcopy(dict(state or {}))
        tap = TapOura(config=dict(config), state=started, catalog=catalog, message_writer=messages)
        self.code = 0
        try:
            tap.sync_all()
        except SystemExit as end:
            self.code = int(end.code or 0)
        self.failures = [str(failure) for failure in tap.run.report.failures]
        self.records, self.files = messages.records, messages.files
        self.state = messages.states[-1] if messages.states else dict(state or {})

    def of(self, stream: str, user: str) -> list[dict[str, Any]]:
        return [record for record in self.records[stream] if record["user_id"] == user]

    def ledger(self, stream: str, user: str) -> dict[str | None, dict[str, Any]]:
        """What the run learned of a collection's days: the latest row of each."""
        return {row["day"]: row for row in self.of("collection_days", user) if row["collection"] == stream}

    def bookmark(self, stream: str, user: str) -> str | None:
        partitions = self.state["bookmarks"].get(stream, {}).get("partitions", [])
        return next((p.get("replication_key_value") for p in partitions if p["context"]["user_id"] == user), None)


@pytest.fixture(autouse=True)
def no_logins_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have logged in with the tap."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))


@pytest.fixture(autouse=True)
def the_clock_of_the_simulator(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tap of this process reads up to the simulated day, not up to the day on which the tests happen to run."""
    monkeypatch.setattr(TapOura, "clock", staticmethod(NOW.timestamp))


@dataclass(frozen=True)
class Hostile:
    """A server that breaks what HTTP promises, at `url`; see hostile_server.py."""

    url: str

    def requests(self) -> list[dict[str, Any]]:
        """The requests so far: `connection`, `path`, `headers` with names in lower case, `body`."""
        with urllib.request.urlopen(f"{self.url}/requests") as answer:
            found: list[dict[str, Any]] = json.load(answer)
        return found

    @property
    def authorizations(self) -> list[str | None]:
        return [request["headers"].get("authorization") for request in self.requests()]


@contextmanager
def hostile_server(*arguments: object) -> Iterator[Hostile]:
    command = [sys.executable, str(HOSTILE_SERVER), *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield Hostile(process.stdout.readline().strip())
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def hostile_at() -> Callable[..., AbstractContextManager[Hostile]]:
    """Serves until the block ends, with the certificate in a file where one is given."""
    return hostile_server


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    with hostile_server() as server:
        yield server


@pytest.fixture(scope="session")
def run() -> type[Run]:
    return Run


@pytest.fixture(scope="session")
def shared_simulator() -> Iterator[Running]:
    zones = ["America/Los_Angeles", "UTC", "Pacific/Tongatapu"]
    with running(accounts=3, days=60, today=NOW.isoformat(), timezone=zones) as simulator:
        yield simulator


@pytest.fixture
def simulator(shared_simulator: Running) -> Running:
    """Three accounts, at UTC−8, UTC and UTC+13, across a change of the clocks; without faults or edits."""
    shared_simulator.reset()
    return shared_simulator


@pytest.fixture
def config(simulator: Running) -> dict[str, Any]:
    return {
        "api_url": simulator.url,
        "accounts": [{"user": account["user"], "access_token": account["token"]} for account in simulator.accounts],
        "start_date": "2026-03-01",
        "max_retries": 1,
    }
