"""`collect.py erase`: removes a person from tables, books, state, token store and files, and proves it.

The rows go in one transaction. Afterwards the tables are written anew, because PostgreSQL leaves the bytes of deleted
rows in its files, and everything is searched for the person's names and ids.
"""

from __future__ import annotations

import json
import mmap
import os
import re
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from psycopg import sql
from tap_oura.errors import OuraError

from oura_collector import accounts, login
from oura_collector.database import META_SCHEMA, exists
from oura_collector.lock import only_run
from oura_collector.person import find, tables
from oura_collector.pipeline import RECORD
from oura_collector.rewrite import drop_log, rewrite
from oura_collector.settings import PROJECT, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from oura_collector.database import Database
    from oura_collector.person import Person
    from oura_collector.settings import Settings

ERASED = "erased"
"""Stands where a sentence of the books named the person."""

SCHEMAS = ("oura_raw", "oura_staging", "public", "oura_collector", META_SCHEMA)
EVERY_TABLE = """
SELECT schemaname, tablename FROM pg_tables
WHERE schemaname = ANY(%s) AND (schemaname <> 'public' OR tablename LIKE 'oura\\_%%') ORDER BY 1, 2"""
# Texts that may name an account beside the rows that are one's own.
TOLD = {
    "oura_collector.runs": "UPDATE oura_collector.runs SET message = %(erased)s WHERE message ~ %(pattern)s",
    "oura_collector.backfill_pieces": "DELETE FROM oura_collector.backfill_pieces WHERE backfill ~ %(pattern)s",
}
STATES = (("state", "state_id", "completed_state"), ("state", "state_id", "partial_state"), ("runs", "id", "payload"))
"""Where Meltano keeps bookmarks: table, key, column."""


@dataclass
class Proof:
    """What was removed, by place, and where anything was found afterwards."""

    rows: dict[str, int] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    searched: int = 0
    left: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        for place, count in self.rows.items():
            yield f"  {place:40} {count:>9}"
        for name in self.tokens:
            yield f"  token store: {name}"
        for file in self.files:
            yield f"  file: {file}"
        for place in self.left:
            yield f"STILL FOUND: {place}"
        if not self.left:
            yield f"Searched afterwards: {self.searched} tables, the token store and all files; nothing was found."


def erase(settings: Settings, database: Database, user: str, *, sure: bool, wait: bool) -> bool:
    """Remove the person, print the proof, and return whether it holds. Raises Busy, SettingsError, click.Abort."""
    vault = accounts.terms(settings).vault
    with database.connect() as connection:
        person = find(connection, vault, user)
        click.echo(f"Everything that is held of {', '.join(person.names)} is removed. There is no way back.")
        if not sure:
            click.confirm("Go on?", abort=True)
        with only_run(database, wait=wait):
            proof = Proof()
            with connection.transaction():
                _remove_rows(connection, person, proof)
                _amend_states(connection, person, proof)
            rewrite(connection, [place for place, count in proof.rows.items() if count])
            if not (settings.database_url or settings.database_host):
                drop_log(connection)
            for name in person.entries:
                login.forget(settings, name)
                proof.tokens.append(name)
            _remove_files(settings, person, proof)
            _search(connection, settings, person, proof)
    for line in proof.lines():
        click.echo(line)
    _tell_what_goes_on(settings, person)
    return not proof.left


def _remove_rows(connection: psycopg.Connection, person: Person, proof: Proof) -> None:
    for table in tables(connection):
        query = sql.SQL("DELETE FROM {} WHERE user_id = ANY(%s)").format(table.identifier)
        proof.rows[str(table)] = connection.execute(query, [list(person.names)]).rowcount
    for place, amend in TOLD.items():
        if exists(connection, place):
            done = connection.execute(amend.encode(), {"pattern": person.pattern, "erased": ERASED})
            proof.rows[place] = done.rowcount


def _amend_states(connection: psycopg.Connection, person: Person, proof: Proof) -> None:
    for table, key, column in STATES:
        place = f"{META_SCHEMA}.{table}"
        if not exists(connection, place):
            continue
        names = {
            "table": sql.Identifier(META_SCHEMA, table),
            "key": sql.Identifier(key),
            "column": sql.Identifier(column),
        }
        query = sql.SQL("SELECT {key}, {column}::text FROM {table} WHERE {column}::text ~ %s FOR UPDATE").format(
            **names
        )
        rows = connection.execute(query, [person.pattern]).fetchall()
        amend = sql.SQL("UPDATE {table} SET {column} = %s WHERE {key} = %s").format(**names)
        for row, text in rows:
            connection.execute(amend, [json.dumps(without(json.loads(text), person)), row])
        proof.rows[place] = proof.rows.get(place, 0) + len(rows)


def without(state: Any, person: Person) -> Any:
    """Return a state without what it says of the person: entries of lists, and words in sentences."""
    if isinstance(state, dict):
        return {name: without(value, person) for name, value in state.items()}
    if isinstance(state, list):
        return [without(item, person) for item in state if not _is_of(item, person)]
    if isinstance(state, str) and re.search(person.pattern, state):
        return ERASED
    return state


def _is_of(item: Any, person: Person) -> bool:
    if not isinstance(item, dict):
        return False
    context = item.get("context")
    return {item.get("user_id"), context.get("user_id") if isinstance(context, dict) else None} & {
        *person.names
    } != set()


def files(settings: Settings) -> Iterator[Path]:
    """Yield the files that runs leave behind, which a run can do without: logs, plans, what Meltano hands to plugins.

    The database's own files, the tokens' and the note on the database are none of them.
    """
    data = settings.data_dir.resolve()
    own = {data / "postgres", data / "credentials", data / RECORD}
    folders = [data, PROJECT / ".meltano" / "run", PROJECT / ".meltano" / "logs"]
    folders += [Path(os.environ[name]) for name in ("DBT_LOG_PATH", "DBT_TARGET_PATH") if os.environ.get(name)]
    # One of them may lie in another, or be a link to it.
    found = {file.resolve() for folder in folders for file in folder.resolve().rglob("*") if file.is_file()}
    yield from sorted(file for file in found if not own & {file, *file.parents})


def tells_of(file: Path, person: Person) -> bool:
    """Whether a file's name or content leads to the person."""
    if re.search(person.pattern, file.name):
        return True
    with suppress(OSError), file.open("rb") as opened:
        if os.fstat(opened.fileno()).st_size:
            with closing(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)) as content:
                return re.search(person.pattern.encode(), content) is not None
    return False


def _remove_files(settings: Settings, person: Person, proof: Proof) -> None:
    for file in files(settings):
        if tells_of(file, person):
            file.unlink()
            proof.files.append(file)


def _search(connection: psycopg.Connection, settings: Settings, person: Person, proof: Proof) -> None:
    for schema, name in connection.execute(EVERY_TABLE, [list(SCHEMAS)]).fetchall():
        query = sql.SQL("SELECT count(*) FROM {} AS stored WHERE stored::text ~ %s")
        row = connection.execute(query.format(sql.Identifier(schema, name)), [person.pattern]).fetchone()
        proof.searched += 1
        if row and row[0]:
            proof.left.append(f"{row[0]} rows of {schema}.{name}")
    with suppress(OuraError):
        proof.left += [
            f"token store: {name}" for name in accounts.terms(settings).vault.users() if name in person.entries
        ]
    proof.left += [f"file: {file}" for file in files(settings) if tells_of(file, person)]


def _tell_what_goes_on(settings: Settings, person: Person) -> None:
    try:
        configured = {account.user for account in accounts.configured(settings)}
    except SettingsError:
        return
    if named := configured & {*person.names}:
        click.echo(f"The settings still name {', '.join(sorted(filter(None, named)))}: the next run collects it again.")
    elif configured == {None}:
        click.echo("The settings still hold a token of an account: the next run collects it again.")
