"""Drives Meltano: gives it the environment, runs it, and records the chosen database for those who call it by hand."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from oura_collector import accounts
from oura_collector.lock import only_run
from oura_collector.meltano import forget_catalogs, program
from oura_collector.settings import PROJECT, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from oura_collector.database import Database

DEVELOPMENT, PRODUCTION = "dev", "prod"
"""Meltano's environments: the simulator, and Oura itself."""

RECORD = "local.meltano.yml"
"""Included by `meltano.yml`: what a plain `meltano run` uses where the environment says nothing."""


def environment() -> str:
    """Return Meltano's environment for what is called by hand."""
    return os.environ.get("MELTANO_ENVIRONMENT") or PRODUCTION


def tap_environment(settings: Settings) -> dict[str, str]:
    """Return the tap's settings for Oura itself. Raises SettingsError where the credentials are missing."""
    first = datetime.now(UTC).date() - timedelta(days=settings.days_to_backfill)
    return {
        "TAP_OURA_API_URL": settings.oura_api_url,
        **accounts.environment(settings),
        "TAP_OURA_START_DATE": os.environ.get("TAP_OURA_START_DATE", first.isoformat()),
        "TAP_OURA_TIMEOUT_SECONDS": str(settings.api_timeout),
        "TAP_OURA_MAX_RETRIES": str(settings.max_retries),
        **_left_out(settings),
    }


def _left_out(settings: Settings) -> dict[str, str]:
    wanted = {"workout": settings.collect_workouts, "enhanced_tag": settings.collect_tags}
    unwanted = [f"!{collection}" for collection, want in wanted.items() if not want]
    return {"TAP_OURA__SELECT_FILTER": json.dumps(unwanted)} if unwanted else {}


def run(arguments: list[str], *, database: Database, environment: str, extra: Mapping[str, str] | None = None) -> int:
    """Run Meltano in the foreground, its words on the terminal, and return its exit code."""
    return subprocess.run(
        [program(), *arguments],
        cwd=PROJECT,
        check=False,
        env={**os.environ, "MELTANO_ENVIRONMENT": environment, **database.environment(), **(extra or {})},
    ).returncode


def sync(database: Database, environment: str, extra: Mapping[str, str] | None = None) -> int:
    """Extract, load and build, one run at a time per database. Returns Meltano's exit code; raises Busy."""
    with only_run(database):
        # The lock is ours, so Meltano's own check, which takes a killed run for a running one, is superfluous.
        return run(["run", "--force", "sync"], database=database, environment=environment, extra=extra)


def record(settings: Settings, database: Database, extra: Mapping[str, str] | None = None) -> None:
    """Write down the chosen database (and what else Meltano needs) for `meltano` called by hand.

    The note is atomic and for the owner's eyes only: the URL holds a password where the database wants one.
    What Meltano knows of the tap is forgotten: it may be another version now.
    """
    forget_catalogs(settings.data_dir)
    environment = database.environment()
    chosen = {f"CHOSEN_{name}": value for name, value in environment.items() if name.startswith("DATABASE_")}
    chosen["CHOSEN_SQLALCHEMY_URL"] = environment["TARGET_POSTGRES_SQLALCHEMY_URL"]
    path = settings.data_dir / RECORD
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    variables = {**chosen, **_recorded_extra(path), **(extra or {})}
    with os.fdopen(descriptor, "w") as file:
        # JSON is YAML, and the service need not carry a YAML library in memory.
        json.dump({"database_uri": environment["MELTANO_DATABASE_URI"], "env": variables}, file, indent=2)
    draft.replace(path)


def _recorded_extra(path: Path) -> dict[str, str]:
    """What an earlier record holds beyond the database, such as the simulator's address."""
    if not path.exists():
        return {}
    try:
        environment: dict[str, str] = json.loads(path.read_text()).get("env", {})
    except ValueError:
        return {}
    return {name: value for name, value in environment.items() if not name.startswith("CHOSEN_")}
