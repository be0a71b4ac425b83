"""`collect.py export`: all data about a person in one archive, one file per table, with the data dictionary.

Rows go from PostgreSQL through one file on disk at a time, so that memory use does not grow with them.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory, mkstemp
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from zipfile import ZIP_DEFLATED, ZipFile

import click
from psycopg import sql

from oura_collector.accounts import tap_config
from oura_collector.database.migrations import migrate
from oura_collector.privacy import meltano_tables
from oura_collector.privacy.person import Table, find, tables
from oura_collector.settings import PROJECT, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import psycopg

    from oura_collector.database.connection import Database
    from oura_collector.privacy.person import Person
    from oura_collector.settings import Settings

EXPORTS = "exports"
"""Folder below the data folder, ignored by git."""
LONGEST_NAME = 120
"""Characters of a file's name that an account's may take; most file systems end at 255, with date and ending."""
CSV, JSONL, PARQUET = FORMATS = ("csv", "jsonl", "parquet")
DICTIONARY = PROJECT / "docs" / "data-dictionary.md"

COLUMNS = """
SELECT attname, format_type(atttypid, NULL), col_description(attrelid, attnum) FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"""
# Messages of whole runs may name other people; messages about this person's collections are in run_collections.
RUNS = Table("oura_collector", "runs")
OF_RUNS = ("run_id", "asked_by", "started_at", "finished_at", "outcome", "first_day", "last_day")
# One JSON object per line: JSON has no control characters, so that these as quote and delimiter change nothing.
COPY_JSONL = """
COPY (SELECT row_to_json(held) FROM ({}) AS held) TO STDOUT (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')"""
COPY_CSV = "COPY ({}) TO STDOUT (FORMAT csv, HEADER)"
# Settings that a role, a database or a server may have changed.
AS_DOCUMENTED = """
SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'postgres';
SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL client_encoding = 'UTF8'"""

IN_DUCKDB = {
    "bigint": "bigint", "boolean": "boolean", "date": "date", "double precision": "double", "integer": "integer",
    "numeric": "double", "timestamp with time zone": "timestamptz",
    "timestamp without time zone": "timestamp",
}  # fmt: skip
"""PostgreSQL's types by DuckDB's names; all others are text, JSON and intervals included."""
CONVERT = """
COPY (SELECT * FROM read_csv({rows}, columns = {{{columns}}}, header = true, auto_detect = false, delim = ',',
    quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, max_line_size = 67108864, parallel = false))
TO {made} (FORMAT parquet)"""

ABOUT = """\
All data about {names}, as of {now}.

- oura_raw: what Oura sent. oura_staging and public: tables made from it; data-dictionary.md explains columns and units.
- oura_collector: the run log, that is when data was requested, and with what result.
- columns.csv: all columns with their types. state.json: the bookmarks, that is how far each collection was read.

The archive contains no tokens: they are credentials, not data.
"""


def export(settings: Settings, database: Database, user: str, how: str, output: Path | None) -> Path:
    """Write the archive and return its path. Raises SettingsError."""
    if how == PARQUET and not find_spec("duckdb"):
        raise SettingsError(
            "export: Parquet needs the package duckdb; install oura-collector[parquet], or choose csv or jsonl"
        )
    path = _path(settings, user, output)
    try:
        _write(settings, database, user, how, path)
    except OSError as error:
        raise click.ClickException(f"export: cannot write {path}: {error.strerror or error}") from None
    return path


def file_stem(user: str) -> str:
    """Return the prefix of an account's file names: ASCII, of bounded length, unique."""
    name = quote(user, safe="")
    if len(name) > LONGEST_NAME:
        digest = hashlib.sha256(user.encode()).hexdigest()[:32]
        name = f"{name[: LONGEST_NAME - len(digest) - 1]}-{digest}"
    return f"oura-{name}"


def archives_of(users: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern of these accounts' file names in the export folder, unfinished ones included."""
    stems = "|".join(re.escape(file_stem(user)) for user in sorted(users))
    return re.compile(rf"(?:{stems})-\d{{4}}-\d\d-\d\d\.zip|\.(?:{stems})\.\w{{8}}\.(?:draft|rows)")


def _path(settings: Settings, user: str, output: Path | None) -> Path:
    """Return where the archive goes, in a folder that is there. Raises SettingsError."""
    path = output or settings.data_dir.absolute() / EXPORTS / f"{file_stem(user)}-{datetime.now(UTC).date()}.zip"
    try:
        if not output:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.path.lexists(path):
            raise SettingsError(f"export: {path} already exists; choose another path with --output")
        if not path.parent.is_dir():
            raise SettingsError(
                f"export: the folder {path.parent} does not exist; create it, or choose another path with --output"
            )
    except OSError as error:
        raise SettingsError(
            f"export: cannot use {path} ({error.strerror}); choose another path with --output"
        ) from None
    return path


def _write(settings: Settings, database: Database, user: str, how: str, path: Path) -> None:
    draft = f".{file_stem(user)}."
    with database.connect() as connection:
        person = find(connection, tap_config.auth_config(settings).vault, user)
        migrate(connection)
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")  # All tables as of one moment.
        connection.execute(AS_DOCUMENTED.encode())
        with (
            _archive(path, draft) as archive,
            TemporaryDirectory(prefix=draft, suffix=".rows", dir=path.parent) as folder,
        ):
            described: list[tuple[str, ...]] = [("table", "column", "type", "meaning")]
            for table in [*tables(connection), RUNS]:
                columns = [
                    column
                    for column in connection.execute(COLUMNS, [str(table)])
                    if table != RUNS or column[0] in OF_RUNS
                ]
                described += [(str(table), *(text or "" for text in column)) for column in columns]
                rows = _copied(connection, table, [name for name, *_ in columns], person, how, Path(folder))
                if how == PARQUET:
                    rows = _converted(rows, {name: kind for name, kind, _ in columns})
                archive.write(rows, f"{table.schema}/{table.name}.{how}")
            archive.writestr("columns.csv", _as_csv(described))
            archive.writestr("state.json", json.dumps(_states(connection, person), indent=1))
            now = datetime.now(UTC).isoformat(" ", "seconds")
            archive.writestr("README.md", ABOUT.format(names=", ".join(person.names), now=now))
            if DICTIONARY.exists():
                archive.write(DICTIONARY, DICTIONARY.name)


@contextmanager
def _archive(path: Path, prefix: str) -> Iterator[ZipFile]:
    """An archive for its owner's eyes that appears under its name only once it is whole."""
    descriptor, draft = mkstemp(prefix=prefix, suffix=".draft", dir=path.parent)  # 0600
    try:
        with os.fdopen(descriptor, "w+b") as file, ZipFile(file, "w", ZIP_DEFLATED) as archive:
            yield archive
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)


def _copied(
    connection: psycopg.Connection, table: Table, columns: list[str], person: Person, how: str, folder: Path
) -> Path:
    """Write the person's rows of a table into a file."""
    source = table if "user_id" in columns else Table(table.schema, "run_collections")
    key = sql.SQL("user_id") if source == table else sql.SQL("run_id")
    names = sql.SQL(", ").join(sql.Literal(name) for name in person.names)
    whose = sql.SQL("user_id IN ({})").format(names)
    if source != table:
        whose = sql.SQL("run_id IN (SELECT run_id FROM {} WHERE {})").format(source.identifier, whose)
    chosen = sql.SQL(", ").join(map(sql.Identifier, columns))
    query = sql.SQL("SELECT {} FROM {} WHERE {} ORDER BY {}").format(chosen, table.identifier, whose, key)
    path = folder / "rows"
    command = sql.SQL(COPY_JSONL if how == JSONL else COPY_CSV).format(query)
    with path.open("wb") as file, connection.cursor().copy(command) as copy:
        for block in copy:
            file.write(block)
    return path


def _converted(rows: Path, columns: dict[str, str]) -> Path:
    """Make Parquet of CSV."""
    import duckdb

    made = rows.with_suffix(".parquet")
    types = ", ".join(f"{_quoted(name)}: {_quoted(IN_DUCKDB.get(kind, 'text'))}" for name, kind in columns.items())
    with duckdb.connect(config={"threads": 1, "memory_limit": "256MB", "temp_directory": str(rows.parent)}) as engine:
        engine.execute(CONVERT.format(rows=_quoted(str(rows)), columns=types, made=_quoted(str(made))))
    return made


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _as_csv(rows: list[tuple[str, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _states(connection: psycopg.Connection, person: Person) -> dict[str, Any]:
    """The person's part of Meltano's bookmarks, by state and collection."""
    found: dict[str, Any] = {}
    for place in (place for place in meltano_tables.tables(connection) if place.table == "state"):
        query = f"SELECT state_id, completed_state, partial_state FROM {place} ORDER BY state_id"
        for name, completed, partial in connection.execute(query.encode()).fetchall():
            for key, text in ((name, completed), (f"{name} (partial)", partial)):
                held = meltano_tables.entries_of(meltano_tables.parsed(text), person.names) or {}
                streams = held.get("singer_state", {}).get("bookmarks", {})
                if streams:
                    found[key] = {stream: bookmark.get("partitions", bookmark) for stream, bookmark in streams.items()}
    return found
