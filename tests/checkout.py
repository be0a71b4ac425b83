"""A copy of the checkout with the same programs installed, for commands that change the project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from oura_collector.database import choice
from oura_collector.database.connection import Database
from oura_collector.settings import PROJECT
from psycopg import sql

MADE_HERE = (".git", ".venv", ".meltano", ".data", ".env", ".*_cache", ".hypothesis", "__pycache__", "output")
OURS = ("TAP_OURA", "MELTANO", "OURA_", "DATABASE_", "DBT_", "DATA_DIR", "PG", "USER_MAPPING", "NOTIFY_")

PASSWORD = "p@s s:w/ö\\r%d'\"$HOME"
"""With every character that means something to a URL, a shell, libpq or a file of variables."""


@dataclass
class Checkout:
    """A copy of the project, called with nothing of ours in the environment but what is given."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        outside = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        return {**outside, "NO_COLOR": "1", "PYTHONPATH": str(self.folder / "collector"), **self.variables}

    def start(self, program: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.folder / ".venv/bin" / program), *arguments],
            cwd=self.folder,
            env={**self.environment(), **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def call(self, program: str, *arguments: str, code: int = 0, **variables: str) -> str:
        """Run to the end and return all it said; fails with that where the exit code is another."""
        process = self.start(program, *arguments, **variables)
        output, _ = process.communicate(timeout=400)
        assert process.returncode == code, f"exit {process.returncode}\n{output[-5000:]}"
        return output

    def meltano(self, *arguments: str, code: int = 0, **variables: str) -> str:
        """Plain Meltano."""
        return self.call("meltano", *arguments, code=code, **variables)

    def collect(self, *arguments: str, code: int = 0, **variables: str) -> str:
        return self.call("python", "collect.py", *arguments, code=code, **variables)


def checkout(folder: Path, **variables: str) -> Checkout:
    """Copy the project into the folder."""
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns(*MADE_HERE))
    (folder / ".venv").symlink_to(Path(sys.executable).parent.parent)
    (folder / ".meltano").mkdir()
    for plugins in ("extractors", "loaders", "utilities"):
        (folder / ".meltano" / plugins).symlink_to(PROJECT / ".meltano" / plugins)
    return Checkout(folder, variables)


@contextmanager
def server_with_passwords() -> Iterator[Database]:
    """A PostgreSQL that lets the user `writer` in with PASSWORD only, and its database `health`."""
    # Not below pytest's own folder: PostgreSQL refuses to run as root, and its user could not enter there.
    with tempfile.TemporaryDirectory() as folder:
        owner = choice.embedded(Path(folder), "health")
        with owner.connect() as connection:
            create = sql.SQL("CREATE ROLE writer LOGIN CREATEDB PASSWORD {}").format(sql.Literal(PASSWORD))
            connection.execute(create)
            connection.execute(b"ALTER DATABASE health OWNER TO writer")
            connection.execute(b"ALTER SCHEMA public OWNER TO writer")
            (rules,) = connection.execute(b"SHOW hba_file").fetchone() or ("",)
            Path(rules).write_text("local all postgres trust\nlocal all all scram-sha-256\n")
            connection.execute(b"SELECT pg_reload_conf()")
        yield Database({**owner.parameters, "user": "writer", "password": PASSWORD})
        choice.stop_embedded(Path(folder))
