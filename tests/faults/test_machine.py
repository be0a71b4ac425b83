"""Failures of the machine: a full disk, a changed clock. The service keeps running, reports it, and recovers."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from oura_collector.database.connection import Database
from oura_collector.settings import PROJECT
from oura_simulator.testing import Running, running

from tests.collector_process import Collector, Service, until
from tests.programs import needs

# Each waits for runs to fail and to succeed again.
pytestmark = pytest.mark.soak

OVERLAPS = (
    "SELECT count(*) FROM oura_collector.runs a JOIN oura_collector.runs b "
    "ON a.run_id < b.run_id AND b.started_at < a.finished_at"
)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount a small file system")


class Volume:
    """A file system of its own, small enough to be filled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, but: int = 0) -> None:
        """Leave so many bytes free."""
        free = shutil.disk_usage(self.folder).free - but
        with self._ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free)

    def relieve(self) -> None:
        self._ballast.unlink()


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Volume]:
    folder = tmp_path / "volume"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", folder], check=True)
    yield Volume(folder)
    subprocess.run(["umount", "--lazy", folder], check=True)


def succeeded(service: Service) -> float:
    return service.metric("collections_total", asked_by="service", outcome="succeeded")


def failed(service: Service) -> float:
    return service.metric("collections_total", asked_by="service", outcome="failed")


def holds_all(collector: Collector, simulator: Running) -> None:
    """Fails where the database lacks a document that was asked for, or has one too many."""
    for collection in ("sleep", "daily_sleep", "daily_activity", "daily_readiness"):
        start = collector.value(f"SELECT min(day)::text FROM oura_raw.{collection}")
        expected = {document["id"] for document in simulator.documents("user-1", collection, start=start)}
        assert {row["id"] for row in collector.rows(f"SELECT id FROM oura_raw.{collection}")} == expected, collection
        assert len(expected) > 15
    first, count = collector.rows("SELECT min(timestamp) AS first, count(*) AS count FROM oura_heart_rate")[0].values()
    samples = {
        (sample["timestamp"], sample["source"])
        for sample in simulator.documents("user-1", "heartrate", start=str(first.date()))
        if datetime.fromisoformat(sample["timestamp"]) >= first
    }
    assert count == len(samples) > 5_000


@needs_root
def test_the_service_reports_a_full_data_volume_and_recovers(
    make_database: Callable[[], Database], volume: Volume, tmp_path: Path
) -> None:
    # As in the image, all that is written lies on the volume, Meltano's run folder too.
    meltano, data = tmp_path / "meltano", volume.folder
    meltano.mkdir()
    for part in ("extractors", "loaders", "utilities"):
        (meltano / part).symlink_to(PROJECT / ".meltano" / part)
    (meltano / "run").symlink_to(data)
    places = {"DATA_DIR": data, "TMPDIR": data, "DBT_TARGET_PATH": data / "dbt/target", "DBT_LOG_PATH": data / "dbt"}
    settings = {name: str(path) for name, path in places.items()} | {"MELTANO_SYS_DIR_ROOT": str(meltano)}
    with running(accounts=1, days=40) as simulator:
        collector = Collector(make_database(), simulator, tmp_path, settings)
        with collector.serving(COLLECTION_INTERVAL="5") as service:
            until(lambda: succeeded(service) >= 1, "a first run")

            volume.fill()
            day = collector.value("SELECT (max(date) - 3)::text FROM oura_readiness")
            simulator.edit(user="user-1", collection="daily_readiness", op="rescore", day=day, score=41)
            before = failed(service)
            until(lambda: failed(service) > before, "a run that fails")
            print(service.health()["problems"], service.process.log()[-1500:])

            assert service.get("/health/live")[0] == 200
            assert any("No space left on device" in problem for problem in service.health()["problems"])

            volume.relieve()
            before = succeeded(service)
            until(lambda: succeeded(service) > before, "a run that succeeds")
            assert service.health()["status"] == "ok"
        assert collector.value(f"SELECT readiness_score FROM oura_readiness WHERE date = '{day}'") == 41
        holds_all(collector, simulator)


@needs_root
def test_a_full_database_disk_moves_no_bookmark_and_loses_nothing(
    server: Database, make_database: Callable[[], Database], volume: Volume, tmp_path: Path
) -> None:
    if "DATABASE_URL" in os.environ:
        pytest.skip("needs a server of the tests' own")
    database = make_database()
    with server.connect() as connection:
        (home,) = connection.execute("SHOW data_directory").fetchone() or ("",)
        owner = Path(home).stat()
        os.chown(volume.folder, owner.st_uid, owner.st_gid)
        for parent in volume.folder.parents[:3]:
            parent.chmod(parent.stat().st_mode | 0o111)
        connection.execute(f"CREATE TABLESPACE small LOCATION '{volume.folder}'".encode())
        connection.execute(f"ALTER DATABASE {database.parameters['dbname']} SET TABLESPACE small".encode())
    with running(accounts=1, days=40) as simulator:
        collector = Collector(database, simulator, tmp_path)
        volume.fill(but=3 * 2**20)
        with collector.serving(COLLECTION_INTERVAL="5") as service:
            until(lambda: failed(service) >= 1, "a run that fails")
            print(service.health()["problems"], service.process.log()[-1500:])

            assert service.get("/health/live")[0] == service.get("/health/ready")[0] == 200
            assert any("No space left on device" in problem for problem in service.health()["problems"])
            assert "heartrate" not in collector.bookmarks()

            volume.relieve()
            until(lambda: succeeded(service) >= 1, "a run that succeeds")
            assert service.health()["status"] == "ok"
        holds_all(collector, simulator)
    with server.connect() as connection:
        connection.execute(f"DROP DATABASE {database.parameters['dbname']} WITH (FORCE)".encode())
        connection.execute(b"DROP TABLESPACE small")


@needs("cc")
def test_a_clock_change_affects_neither_schedule_nor_data(
    make_database: Callable[[], Database], tmp_path: Path
) -> None:
    shift, library = tmp_path / "shift", tmp_path / "clock.so"
    shift.write_text("0")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, Path(__file__).with_name("clock.c"), "-ldl"], check=True)
    clock = {"LD_PRELOAD": str(library), "CLOCK_SHIFT": str(shift)}
    with running(accounts=1, days=40) as simulator:
        collector = Collector(make_database(), simulator, tmp_path, {"COLLECTION_INTERVAL": "90"})
        with collector.serving(**clock) as service:
            for seconds in (-3600, 7200):
                until(lambda: succeeded(service) >= 1 and service.health()["next_run_in_seconds"] > 0, "a rest", 600)
                runs = len(collector.runs())
                shift.write_text(str(seconds))
                until(lambda runs=runs: len(collector.runs()) > runs, "the next run, in its time", 120)  # type: ignore[misc]

                assert service.get("/health")[0] == 200, service.health()
                assert service.health()["status"] == "ok"
            until(lambda: bool(collector.runs()[-1]["outcome"] == "succeeded"), "the last run succeeds")
            assert service.metric("errors_total") == 0
        assert collector.value(OVERLAPS) == 0
        holds_all(collector, simulator)
