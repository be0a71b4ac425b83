"""Peak memory of everything the collector runs, compared with its thresholds and written to `benchmarks/memory.md`.

Run with `.venv/bin/python -m benchmarks.memory`; exits with 1 if a threshold is missed. Measured is the sum of PSS
of the service with all its children, and of the backfill that an operator starts in the same container. PostgreSQL
and the simulator, which stands for Oura, are real and not counted.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from oura_collector.database import choice
from oura_simulator.testing import running

from benchmarks.measure import Meter
from tests.collector_process import Collector, Service, until

RECORD = Path(__file__).with_suffix(".md")
THRESHOLDS = {"idle between runs": 100, "first run of 30 days": 400, "hourly run": 400, "a year of backfill": 450}
"""MiB, of the 512 that the container may use."""

IDLE_SECONDS = 10.0
# One run at the start of the service, then an hour of rest.
SETTINGS = {"COLLECTION_INTERVAL": "3600", "DAYS_TO_BACKFILL": "30"}


def measured(collector: Collector) -> dict[str, float]:
    """Peak in MiB by case."""
    found = {}
    with collector.serving(**SETTINGS) as service:
        meter = Meter([service.process.popen.pid])
        found["first run of 30 days"] = meter.watch(lambda: succeeded(service) == 1, "a first run")
        rest(service)
        idle_until = time.monotonic() + IDLE_SECONDS
        found["idle between runs"] = meter.watch(lambda: time.monotonic() > idle_until, "some idleness")
    with collector.serving(**SETTINGS) as service:
        meter = Meter([service.process.popen.pid])
        found["hourly run"] = meter.watch(lambda: succeeded(service) == 2, "an hourly run")
        rest(service)
        last = datetime.now(UTC).date() - timedelta(days=30)
        span = ["--start-date", str(last - timedelta(days=364)), "--end-date", str(last)]
        backfill = collector.start(*span, "--wait")
        meter = Meter([service.process.popen.pid, backfill.popen.pid])
        found["a year of backfill"] = meter.watch(lambda: backfill.popen.poll() is not None, "the end of the backfill")
        assert backfill.popen.returncode == 0, backfill.log()
    return found


def rest(service: Service) -> None:
    until(lambda: not psutil.Process(service.process.popen.pid).children(), "the end of the run")


def succeeded(service: Service) -> float:
    return service.metric("collections_total", asked_by="service", outcome="succeeded")


def table(found: dict[str, float]) -> str:
    """Return the page: case, peak, threshold, date, machine."""
    where = f"Linux, {platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    today = datetime.now(UTC).date()
    lines = [
        "# Memory",
        "",
        "Sum of PSS of the service and all processes of a run, in MiB; the container's limit is 512. Written by",
        "`.venv/bin/python -m benchmarks.memory`. PSS divides files that other Python processes of the machine also",
        "map among all of them; in its own container the collector has up to 25 MiB more.",
        "",
        "| case | peak | threshold | date | machine |",
        "|---|---:|---:|---|---|",
        *(
            f"| {case} | {found[case]:.0f} | {threshold} | {today} | {where} |"
            for case, threshold in THRESHOLDS.items()
        ),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    # Not below the project: PostgreSQL refuses to run as root, and its user must be able to enter.
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as local:
        try:
            database = choice.embedded(Path(folder), "app")
            with running(accounts=1, days=430) as simulator:
                found = measured(Collector(database, simulator, Path(local)))
        finally:
            choice.stop_embedded(Path(folder))
    RECORD.write_text(table(found))
    print(RECORD.read_text())
    missed = [case for case, threshold in THRESHOLDS.items() if found[case] >= threshold]
    sys.exit(f"over the threshold: {', '.join(missed)}" if missed else 0)


if __name__ == "__main__":
    main()
