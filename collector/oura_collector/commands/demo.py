"""`make demo`: the whole pipeline on two simulated accounts and thirty days, and the result."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from oura_collector.files import private_folder
from oura_collector.pipeline.environment import DEVELOPMENT, SIMULATOR, record, sync
from oura_collector.settings import SettingsError

if TYPE_CHECKING:
    from oura_collector.database.connection import Database
    from oura_collector.settings import Settings

NIGHTS = """
SELECT user_id, date, total_sleep / 60 AS asleep_min, rem_sleep / 60 AS rem_min, deep_sleep / 60 AS deep_min,
       sleep_score AS score, average_hrv AS hrv_ms
FROM oura_sleep WHERE date > (SELECT max(date) FROM oura_sleep) - 7 ORDER BY date DESC, user_id"""
DAYS = """
SELECT user_id, date, steps, active_calories AS active_kcal, total_calories AS total_kcal, activity_score AS score
FROM oura_activity WHERE date > (SELECT max(date) FROM oura_activity) - 7 ORDER BY date DESC, user_id"""
NEXT = """\
What to try next:
  make psql                               open the database: \\dt, then SELECT * FROM oura_daily LIMIT 5;
  .venv/bin/meltano run sync              collect again, without duplicates
  make stop                               stop the simulator and the embedded database

The same with your own ring, once you have registered an application at Oura (docs/credentials.md):
  cp .env.example .env                    then set OURA_CLIENT_ID and OURA_CLIENT_SECRET in it
  .venv/bin/python collect.py login       ask for your consent in the browser, once
  make run                                collect from Oura"""


def run(settings: Settings, database: Database) -> int:
    """Collect from the simulator, build the tables, show the last seven days. Returns Meltano's exit code."""
    started = time.monotonic()
    url = start_simulator(settings.data_dir)
    record(settings, database)
    click.secho(f"[1/3] The simulator is running at {url}", bold=True)
    click.secho("[2/3] Collecting 30 days of two accounts and building the tables", bold=True)
    code = sync(settings, database, DEVELOPMENT, {"SIMULATOR_URL": url})
    if code:
        return code
    click.secho("[3/3] The last seven days", bold=True)
    with database.connect() as connection:
        for title, query in (("Sleep", NIGHTS), ("Activity", DAYS)):
            cursor = connection.execute(query.encode())
            _print_table(title, [column.name for column in cursor.description or ()], cursor.fetchall())
    shown = {name: value for name, value in database.parameters.items() if name != "password"}
    click.echo(
        f"\nDone in {time.monotonic() - started:.0f} s. The database: "
        + " ".join(f"{name}={value}" for name, value in shown.items())
        + f"\n\n{NEXT}"
    )
    return 0


def _print_table(title: str, columns: list[str], rows: list[tuple[Any, ...]]) -> None:
    cells = [columns, *(["" if value is None else str(value) for value in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    click.secho(f"\n{title}", bold=True)
    for row in cells:
        click.echo("  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))


def start_simulator(data_dir: Path) -> str:
    """Start the simulator in the background, or find it running; return its address."""
    ready = private_folder(data_dir) / SIMULATOR
    if (known := _running(ready)) is not None:
        return known
    with (data_dir / "simulator.log").open("w") as log:
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("oura-simulator")), "serve", "--port", "0", "--json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            text=True,
        )
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise SettingsError(f"the simulator did not start; see {data_dir / 'simulator.log'}")
    ready.write_text(json.dumps({"pid": process.pid, "url": json.loads(line)["url"]}))
    return str(json.loads(line)["url"])


def _running(ready: Path) -> str | None:
    try:
        url = str(json.loads(ready.read_text())["url"])
        with urllib.request.urlopen(f"{url}/admin/accounts", timeout=5):
            return url
    except (OSError, ValueError, KeyError):
        return None


def stop_simulator(data_dir: Path) -> None:
    """Stop the simulator, if it is running."""
    ready = data_dir / SIMULATOR
    if _running(ready) is not None:
        os.kill(json.loads(ready.read_text())["pid"], signal.SIGTERM)
    ready.unlink(missing_ok=True)
