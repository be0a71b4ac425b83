"""The database's password in a file that libpq reads, so that no variable, argument or configuration file holds it."""

from __future__ import annotations

import dataclasses
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from oura_collector import files
from oura_collector.settings import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from oura_collector.database.connection import Database

NAME = "pgpass"

UNUSED = 7 * 86_400.0
"""Seconds after which a file that no run, command or note has used is removed. Whoever needs it again writes it."""


def hidden(database: Database, folder: Path) -> Database:
    """Return the same database with its password in a file of the folder. Raises SettingsError.

    Without a password in the settings, libpq uses the user's own PGPASSFILE or ~/.pgpass.
    """
    file = folder.absolute() / NAME
    rest = dict(database.parameters)
    # libpq prefers the variable to any file, so whoever is given the file must not get the variable.
    password = rest.pop("password", None) or os.environ.get("PGPASSWORD")
    if password:
        _write(file, password)
        rest["passfile"] = str(file)
    else:
        file.unlink(missing_ok=True)
    return dataclasses.replace(database, parameters=rest)


def drop_unused(folders: Path, *, noted: str | None) -> None:
    """Remove the files below `folders` of unused databases. `noted` is the file that a plain `meltano` uses.

    Several collectors may share the folder; each marks its own file as used whenever it starts something.
    """
    for file in folders.glob(f"*/{NAME}"):
        with suppress(FileNotFoundError):
            if str(file) != noted and file.stat().st_mtime < time.time() - UNUSED:
                file.unlink()


def _write(file: Path, password: str) -> None:
    if {"\n", "\r", "\0"} & {*password}:
        raise SettingsError("database: the password holds a line break; choose one without")
    # The file is this database's alone, so it need not say where the password belongs, nor repeat it for each host.
    line = "*:*:*:*:" + password.replace("\\", "\\\\").replace(":", "\\:") + "\n"
    if file.exists():
        file.chmod(0o600)  # libpq ignores a file that others can read.
        if file.read_bytes() == line.encode():
            os.utime(file)
            return
    files.replace(file, line)
