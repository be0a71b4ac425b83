"""What all processes of one pytest share: a server, databases that are created once, and dbt's parsed project."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
from oura_collector.database import choice
from oura_collector.database.connection import Database
from oura_collector.settings import Settings

FOLDER = "OURA_TESTS_FOLDER"
"""The variable that hands the folder of all this on to the processes."""


def begin() -> None:
    # Not below pytest's own folder: PostgreSQL refuses to run as root, and its user could not enter there.
    os.environ[FOLDER] = tempfile.mkdtemp(prefix="oura-tests-")


def end() -> None:
    folder = Path(os.environ[FOLDER])
    if "DATABASE_URL" in os.environ:
        with server().connect() as connection:
            names = connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [_name("")])
            for (name,) in names.fetchall():
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
    choice.stop_embedded(folder)
    shutil.rmtree(folder)


def server() -> Database:
    """The server of DATABASE_URL, else an embedded one, which the first process that asks for it starts."""
    if url := os.environ.get("DATABASE_URL"):
        return Database(choice.parse(url))
    with _alone("server"):
        return choice.embedded(Path(os.environ[FOLDER]), "app")


@contextmanager
def maker(server: Database) -> Iterator[Callable[..., Database]]:
    """Yield what makes a database, empty or like another that nobody is connected to, and remove all at the end.

    Each gets the first name that is free: most were used before, and for those dbt has parsed the project.
    """
    names: list[str] = []

    def make(like: Database | None = None) -> Database:
        template = f" TEMPLATE {like.parameters['dbname']}" if like else ""
        with server.connect() as connection:
            for number in count(1):
                try:
                    connection.execute(f"CREATE DATABASE {_name(number)}{template}".encode())
                except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                    continue
                names.append(_name(number))
                break
        return _ready(server, names[-1])

    yield make
    with server.connect() as connection:
        for name in names:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


def once(server: Database, what: str, fill: Callable[[Database], None]) -> Database:
    """Return the database of that name, which the first process that asks for it fills. For copying only."""
    name, done = _name(what), Path(os.environ[FOLDER], what)
    with _alone(what):
        if not done.exists():
            with server.connect() as connection:
                connection.execute(f"DROP DATABASE IF EXISTS {name}".encode())
                connection.execute(f"CREATE DATABASE {name}".encode())
            fill(_ready(server, name))
            done.touch()
    return Database({**server.parameters, "dbname": name})


def dbt_folders(database: Database) -> dict[str, str]:
    """Where dbt keeps the parsed project: parsing takes seconds and holds for one name of a database on one server."""
    folder = Path(os.environ[FOLDER], "dbt", database.key)
    return {"DBT_TARGET_PATH": str(folder / "target"), "DBT_LOG_PATH": str(folder / "logs")}


def _name(part: object) -> str:
    return f"oura_test_{os.environ[FOLDER].rpartition('-')[2]}_{part}"


def _ready(server: Database, name: str) -> Database:
    url = Database({**server.parameters, "dbname": name}).url().replace("+psycopg", "", 1)
    return choice.resolve(Settings(database_url=url))


@contextmanager
def _alone(what: str) -> Iterator[None]:
    """Let one process after another do that."""
    with Path(os.environ[FOLDER], f"{what}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
