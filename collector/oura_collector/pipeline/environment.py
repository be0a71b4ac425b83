"""Runs Meltano: sets its environment, and writes the chosen database to `.env` for a plain `meltano`."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, get_args

import psycopg
from dotenv import dotenv_values
from pydantic import SecretStr

from oura_collector.accounts import tap_config
from oura_collector.database import passfile
from oura_collector.database.fence import end_sessions
from oura_collector.database.lock import only_run
from oura_collector.files import UMASK
from oura_collector.pipeline import env_file
from oura_collector.pipeline.process import STATE, forget_catalogs, kill, own_folder, program, remove_leftovers
from oura_collector.pipeline.run_files import run_files
from oura_collector.settings import PROJECT, WHOLE, Settings, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_oura.accounts import Account
    from tap_oura.shards import Shard

    from oura_collector.database.connection import Database
    from oura_collector.database.lock import Hold

DEVELOPMENT, PRODUCTION = "dev", "prod"
"""Meltano's environments: the simulator, and Oura itself."""

RECORD = "local.meltano.yml"
"""Where older versions noted the database, its password included; Meltano moved that into meltano.yml."""

MOVED = re.compile(r"\bCHOSEN_\w+[\"']?\s*:|^[\"']?database_uri\b.*:[^/@\s]+@", re.MULTILINE)
"""What Meltano may have put into meltano.yml with an older version."""

SIMULATOR = "simulator.json"
"""In the data folder, while the demo's simulator is running: its address."""

SECRETS = frozenset(
    name.upper()
    for name, field in Settings.model_fields.items()
    if SecretStr in (field.annotation, *get_args(field.annotation))
) | {"NOTIFY_WEBHOOK_URL"}
"""The settings that hold one."""

AWS_SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

TAP_SECRETS = ("TAP_OURA_ACCESS_TOKEN", "TAP_OURA_ACCOUNTS", "TAP_OURA_CLIENT_SECRET", "TAP_OURA_REFRESH_TOKEN")
"""Of the tap's settings, which a plain `meltano` takes from `.env`; listed, since asking the tap loads its SDK."""

OPEN = SECRETS | {*AWS_SECRETS, *TAP_SECRETS, "PGPASSWORD"}
"""What nobody else should read in `.env`."""


def chosen_environment() -> str:
    """Return Meltano's environment for what is called by hand."""
    return os.environ.get("MELTANO_ENVIRONMENT") or PRODUCTION


class Tap(NamedTuple):
    """The tap's settings for Oura itself, as variables, and the accounts that it will find there."""

    variables: Mapping[str, str]
    accounts: Sequence[Account]


def tap_environment(settings: Settings) -> Tap:
    """Return what the tap is told and whom it collects. Raises SettingsError where the credentials are missing."""
    first = datetime.now(UTC).date() - timedelta(days=settings.days_to_backfill)
    variables = {
        "TAP_OURA_API_URL": settings.oura_api_url,
        **tap_config.environment(settings),
        "TAP_OURA_START_DATE": os.environ.get("TAP_OURA_START_DATE", first.isoformat()),
        "TAP_OURA_TIMEOUT_SECONDS": str(settings.api_timeout),
        "TAP_OURA_MAX_RETRIES": str(settings.max_retries),
        **({} if (settings.oura_token_store or "").startswith("aws") else dict.fromkeys(AWS_SECRETS, "")),
        **_left_out(settings),
    }
    return Tap(variables, tap_config.collected(settings))


def _left_out(settings: Settings) -> dict[str, str]:
    wanted = {"workout": settings.collect_workouts, "enhanced_tag": settings.collect_tags}
    unwanted = [f"!{collection}" for collection, want in wanted.items() if not want]
    return {"TAP_OURA__SELECT_FILTER": json.dumps(unwanted)} if unwanted else {}


def surroundings(settings: Settings, database: Database, shard: Shard = WHOLE) -> dict[str, str]:
    """Return Meltano's variables for a database and for its own folders. Raises SettingsError.

    The password is in none of the variables, and what other settings keep secret does not reach the plugins: an empty
    variable wins over `.env`, which Meltano reads too. Of Oura's secrets those pass that the tap reads by itself.
    """
    folder = own_folder(settings.data_dir, database.key if shard.is_whole else f"{database.key}-{shard}")
    try:
        hidden = passfile.hidden(database, folder)
    except OSError as error:
        raise SettingsError(f"DATA_DIR: {error.strerror}: {folder}") from None
    dbt = {"DBT_TARGET_PATH": folder / "dbt" / "target", "DBT_LOG_PATH": folder / "dbt" / "logs"}
    return {
        **{name: "" for name in SECRETS if not name.startswith("OURA_")},
        "PGPASSWORD": "",
        # Below it Meltano logs each run, account by account; else that would be the user's home, for others to read.
        "XDG_STATE_HOME": str(folder / STATE),
        "MELTANO_SYS_DIR_ROOT": str(folder),
        **{name: os.environ.get(name) or str(path) for name, path in dbt.items()},
        **hidden.environment(),
    }


def tidy(settings: Settings, around: Mapping[str, str]) -> None:
    """Remove what killed runs left where a run is about to begin, and unused passwords. For whoever holds the lock."""
    folder = Path(around["MELTANO_SYS_DIR_ROOT"])
    remove_leftovers(folder, settings.data_dir)
    passfile.drop_unused(folder.parent, noted=dotenv_values(PROJECT / ".env").get("CHOSEN_PASSFILE"))


def run_meltano(
    arguments: list[str],
    *,
    settings: Settings,
    database: Database,
    environment: str,
    extra: Mapping[str, str] | None = None,
    hold: Hold | None = None,
) -> int:
    """Run Meltano in the foreground, its words on the terminal, and return its exit code. Raises SettingsError, Lost.

    It keeps the lock of `hold` also where we are killed, and is ended with its sessions where that is lost.
    """
    around = surroundings(settings, database)
    name = f"oura-collect-{secrets.token_hex(4)}"  # Process ids are alike in containers.
    with subprocess.Popen(
        [program(), *arguments],
        cwd=PROJECT,
        env={
            **os.environ,
            "MELTANO_ENVIRONMENT": environment,
            **around,
            **(extra or {}),
            **({"PGAPPNAME": name} if hold else {}),
        },
        umask=UMASK,
        pass_fds=(hold.descriptor,) if hold else (),
    ) as process:
        try:
            if hold:
                hold.watch(name, lambda: _end(process.pid, database, name))
            code = process.wait()
        except BaseException:  # Ctrl-C reaches it too, but it may take its time.
            process.kill()
            raise
    if hold:
        hold.release()
        hold.check()
    return code


def _end(pid: int, database: Database, sessions: str) -> None:
    kill(pid)
    with suppress(psycopg.Error), database.reach() as connection:
        end_sessions(connection, sessions)


def sync(settings: Settings, database: Database, environment: str, extra: Mapping[str, str]) -> int:
    """Extract, load and build, one run at a time per database. Returns Meltano's exit code; raises Busy, Lost."""
    with only_run(database) as hold:
        around = surroundings(settings, database)
        tidy(settings, around)
        with run_files(Path(around["MELTANO_SYS_DIR_ROOT"])) as files:
            # The lock is ours, so Meltano's own check, which takes a killed run for a running one, is superfluous.
            return run_meltano(
                ["run", "--force", "sync"],
                settings=settings,
                database=database,
                environment=environment,
                extra={**extra, **files.variables},
                hold=hold,
            )


def record(settings: Settings, database: Database) -> None:
    """Note the chosen database (and the demo's simulator) for `meltano` called by hand. Raises SettingsError, OSError.

    That is for the data folder of this checkout alone: another one, named by the environment, belongs to an
    installation which calls Meltano by `collect.py meltano`.
    What Meltano knows of the tap is forgotten: it may be another version now.
    """
    forget_catalogs(settings.data_dir)
    (settings.data_dir / RECORD).unlink(missing_ok=True)
    file = PROJECT / ".env"
    if settings.data_dir.absolute() != Path(dotenv_values(file).get("DATA_DIR") or PROJECT / ".data").absolute():
        return
    around = surroundings(settings, database)
    chosen = {name: value for name, value in around.items() if name.startswith("DATABASE_") and name not in SECRETS}
    chosen |= {"SQLALCHEMY_URL": around["TARGET_POSTGRES_SQLALCHEMY_URL"], "PASSFILE": around.get("PGPASSFILE", "")}
    variables = {f"CHOSEN_{name}": value for name, value in chosen.items() if value}
    with suppress(OSError, ValueError, KeyError):
        variables["SIMULATOR_URL"] = str(json.loads((settings.data_dir / SIMULATOR).read_text())["url"])
    env_file.write(file, {"MELTANO_DATABASE_URI": around["MELTANO_DATABASE_URI"], **variables})


def advice() -> list[str]:
    """Return a line for each file of this checkout that exposes a secret, with what to do."""
    found = []
    if MOVED.search((PROJECT / "meltano.yml").read_text()):
        found.append(
            "meltano.yml contains the address of the database, put there by Meltano with an older version: remove its "
            "top-level `database_uri` and `env`, and change the password if anybody else saw the file"
        )
    if env_file.is_open(PROJECT / ".env", OPEN):
        found.append(".env contains secrets that other users of this machine can read: run `chmod 600 .env`")
    return found
