"""The suite in other time zones and at moments that a clock seldom shows: every test begins just before them.

The tests run in a pytest of their own. Its clock, PostgreSQL's, and that of each process below it are `clock.c`'s; the
machine's own clock, files' times among it, goes on as before.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from oura_collector.settings import PROJECT

from tests.programs import needs

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

QUICK = (
    *("tap-oura", "simulator", "collector"),
    *(f"tests/test_{name}.py" for name in ("bench", "compose", "documents_agree", "manifests", "programs", "rules")),
    *(f"tests/faults/test_{name}.py" for name in ("complaints", "histories")),
)
"""What needs no Meltano, but for the races and the crowds, which take minutes and know no calendar."""
WITHOUT = (
    *(f"tap-oura/tests/credentials/test_{name}.py" for name in ("races", "kills", "many_accounts", "life")),
    "tap-oura/tests/test_completeness.py",
    "collector/tests/test_passfile.py",  # By the times of files.
    "simulator/tests/test_many_accounts.py",
)
RUNS = (
    "tests/test_commands.py",
    "tests/test_marts.py",
    "tests/test_repair.py",
    "tests/test_service.py::test_the_service_collects_at_start_and_counts_runs_of_other_processes_too",
)
"""Whole runs: Meltano, the loader, dbt, the service."""

ZONES = ("Pacific/Kiritimati", "America/St_Johns")
"""UTC+14, where it is tomorrow, and UTC−3:30."""
MOMENTS = {
    "midnight": ("UTC", "2026-11-18T23:59:58+00:00"),
    "the end of a month": ("UTC", "2026-10-31T23:59:58+00:00"),
    "the end of a year": ("UTC", "2026-12-31T23:59:58+00:00"),
    "a leap day": ("UTC", "2028-02-29T23:59:58+00:00"),
    "clocks that go back": ("Europe/Berlin", "2026-10-25T02:59:58+02:00"),
    "clocks that go forward": ("Europe/Berlin", "2027-03-28T01:59:58+01:00"),
}


@pytest.fixture(scope="module")
def clock() -> Iterator[dict[str, str]]:
    """The environment of a process whose clock can be set."""
    # Not below pytest's own folder: PostgreSQL's user could not enter there.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        source, library, shift = Path(__file__).with_name("clock.c"), folder / "clock.so", folder / "shift"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        shift.write_text("0")
        yield {"LD_PRELOAD": str(library), "CLOCK_SHIFT": str(shift)}


def passes(tests: tuple[str, ...], *options: str, **environment: str) -> bool:
    """Whether the tests pass; prints their summary. The database is the tests' own: its clock must be theirs."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-q", *options, *(f"--ignore={path}" for path in WITHOUT), *tests],
        cwd=PROJECT,
        env={**outside, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(done.stdout[-12_000:])
    return done.returncode == 0


ASK_POSTGRESQL = """
import sys, tempfile
from pathlib import Path
from oura_collector.database import choice
with tempfile.TemporaryDirectory() as folder:
    with choice.embedded(Path(folder), "app").connect() as connection:
        print(*connection.execute("SELECT extract(epoch FROM now()), current_setting('TimeZone')").fetchone())
    choice.stop_embedded(Path(folder))
"""


@needs("cc")
def test_postgresql_uses_the_clock_and_time_zone_of_the_tests(clock: dict[str, str]) -> None:
    ahead = 3650 * 86_400
    Path(clock["CLOCK_SHIFT"]).write_text(str(ahead))
    environment = {**os.environ, **clock, "TZ": ZONES[0], "PGTZ": ZONES[0]}

    epoch, zone = subprocess.run(
        [sys.executable, "-c", ASK_POSTGRESQL], cwd=PROJECT, env=environment, capture_output=True, text=True, check=True
    ).stdout.split()

    assert abs(float(epoch) - time.time() - ahead) < 600
    assert zone == ZONES[0]
    Path(clock["CLOCK_SHIFT"]).write_text("0")


@pytest.mark.parametrize("tests", [QUICK, RUNS], ids=["quick", "runs"])
@pytest.mark.parametrize("zone", ZONES)
def test_the_suite_passes_in_another_time_zone(zone: str, tests: tuple[str, ...]) -> None:
    assert passes(tests, TZ=zone, PGTZ=zone)


@needs("cc")
@pytest.mark.parametrize("tests", [QUICK, RUNS], ids=["quick", "runs"])
@pytest.mark.parametrize("name", MOMENTS)
def test_the_suite_passes_at(name: str, tests: tuple[str, ...], clock: dict[str, str]) -> None:
    zone, moment = MOMENTS[name]
    assert passes(tests, "-p", "tests.faults.clock_plugin", TZ=zone, PGTZ=zone, MOMENT=moment, **clock)
