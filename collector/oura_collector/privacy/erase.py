"""`collect.py erase`: erases a person from tables, run log, state, token store and files, and verifies it.

One transaction deletes the rows. Then the tables are rewritten, because PostgreSQL keeps the bytes of deleted rows in
its files, and everything is searched for the person's names and ids.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click
from psycopg import sql
from tap_oura.errors import OuraError

from oura_collector.accounts import login, tap_config
from oura_collector.database.connection import META_SCHEMA, exists
from oura_collector.database.lock import only_run
from oura_collector.privacy import leftovers, meltano_tables
from oura_collector.privacy.person import find, tables
from oura_collector.privacy.vacuum import drop_log, vacuum_full
from oura_collector.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import psycopg

    from oura_collector.database.connection import Database
    from oura_collector.privacy.person import Person
    from oura_collector.settings import Settings

SCHEMAS = ("oura_raw", "oura_staging", "public", "oura_collector", META_SCHEMA)
EVERY_TABLE = """
SELECT schemaname, tablename FROM pg_tables
WHERE schemaname = ANY(%s) AND (schemaname <> 'public' OR tablename LIKE 'oura\\_%%') ORDER BY 1, 2"""

RUNS, PIECES = "oura_collector.runs", "oura_collector.backfill_pieces"
# A run's message about an account begins with the collection and the account, as in "daily_spo2 of user-1: ...".
SENTENCES = """
UPDATE oura_collector.runs SET message = 'erased'
WHERE message ~ %(pattern)s OR EXISTS (
    SELECT FROM oura_collector.run_collections AS read
    WHERE read.run_id = runs.run_id AND user_id = ANY(%(names)s) AND starts_with(
        runs.message, CASE collection WHEN '*' THEN 'everything' ELSE collection END || ' of ' || user_id || ':'
    )
)"""


@dataclass
class Proof:
    """The deleted rows and files by table or path, and where the search afterwards found anything."""

    rows: dict[str, int] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    searched: int = 0
    left: list[str] = field(default_factory=list)
    links: list[Path] = field(default_factory=list)
    elsewhere: int = 0
    common: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        for place, count in self.rows.items():
            yield f"  {place:40} {count:>9}"
        for name in self.tokens:
            yield f"  token store: {name}"
        for file in self.files:
            yield f"  file: {click.format_filename(file)}"
        for place in self.left:
            yield f"STILL FOUND: {place}"
        for link in self.links:
            yield f"Link, not followed: {click.format_filename(link)}"
        if self.elsewhere:
            where = click.format_filename(leftovers.LOGS)
            yield f"Left: {self.elsewhere} logs in {where} contain the name too; they are of runs on other databases."
        for word in self.common:
            yield f"'{word}' is a common word: the search looked for it as the name of an account, not in other text."
        if not self.left:
            yield f"Searched afterwards: {self.searched} tables, the token store and all files; nothing was found."


def erase(settings: Settings, database: Database, user: str, *, sure: bool, wait: bool) -> bool:
    """Erase the person, print the proof, return whether nothing is left. Raises Busy, Lost, SettingsError, Abort."""
    vault = tap_config.auth_config(settings).vault
    with database.connect() as connection:
        person = find(connection, vault, user)
        click.echo(f"This erases all data about {', '.join(person.names)}. It cannot be undone.")
    if not sure:
        click.confirm("Continue?", abort=True)
    with only_run(database, wait=wait) as hold:
        connection = hold.connection  # Changes in it roll back if the lock is lost.
        proof = Proof(common=person.common)
        runs = meltano_tables.run_ids(connection)
        with connection.transaction():
            _remove_rows(connection, person, proof)
        vacuum_full(connection, [place for place, count in proof.rows.items() if count])
        if not (settings.database_url or settings.database_host):
            drop_log(connection)
        for name in person.entries:
            hold.check()
            try:
                login.forget(settings, name)
                proof.tokens.append(name)
            except SettingsError as error:
                proof.left.append(f"token store: {name} ({error})")
        hold.check()
        proof.files = leftovers.remove(settings, person, runs)
        _search_tables(connection, person, proof)
        _search_store(settings, person, proof)
        found = leftovers.search(settings, person, runs)
        proof.left += found.left
        proof.links = found.links
        proof.elsewhere = found.elsewhere
    for line in proof.lines():
        click.echo(line)
    _tell_what_goes_on(settings, person)
    return not proof.left


def _remove_rows(connection: psycopg.Connection, person: Person, proof: Proof) -> None:
    words = {"names": list(person.names), "pattern": person.pattern}
    if exists(connection, RUNS):  # First, because it reads the rows that are deleted next.
        proof.rows[RUNS] = connection.execute(SENTENCES, words).rowcount
    for table in tables(connection):
        query = sql.SQL("DELETE FROM {} WHERE user_id = ANY(%s)").format(table.identifier)
        proof.rows[str(table)] = connection.execute(query, [list(person.names)]).rowcount
    names = _backfills(connection, person)
    if names:
        delete = f"DELETE FROM {PIECES} WHERE backfill = ANY(%s)"
        proof.rows[PIECES] = connection.execute(delete.encode(), [names]).rowcount
    for place in meltano_tables.tables(connection):
        proof.rows[str(place)] = meltano_tables.remove_person(connection, place, person)


def _backfills(connection: psycopg.Connection, person: Person) -> list[str]:
    """Return the unfinished backfills that name the person among their accounts."""
    if not exists(connection, PIECES):
        return []
    known = [name for (name,) in connection.execute(f"SELECT DISTINCT backfill FROM {PIECES}".encode()).fetchall()]
    # As in "2026-01-01 to 2026-01-31 all user-1,user-2": dates, collections, accounts.
    accounts_of = {name: name.split(" ", 4)[-1] for name in known}
    return [
        name for name, users in accounts_of.items() if users != "all" and {*users.split(","), users} & {*person.names}
    ]


def _search_tables(connection: psycopg.Connection, person: Person, proof: Proof) -> None:
    of_accounts = {(table.schema, table.name) for table in tables(connection)}
    every = {*connection.execute(EVERY_TABLE, [list(SCHEMAS)]).fetchall()}
    for schema, name in sorted(every | {(place.schema, place.table) for place in meltano_tables.tables(connection)}):
        # A row of one account may mention the name of another person, but not the id or address that Oura has of them.
        is_theirs = (schema, name) in of_accounts
        pattern = person.identifiers if is_theirs else person.pattern
        query = sql.SQL("SELECT count(*) FROM {} AS stored WHERE to_jsonb(stored)::text ~ %s")
        row = connection.execute(query.format(sql.Identifier(schema, name)), [pattern]).fetchone()
        proof.searched += 1
        if row and row[0]:
            proof.left.append(f"{row[0]} rows of {schema}.{name}")
    proof.left += [f"{PIECES}: {name}" for name in _backfills(connection, person)]
    for place in meltano_tables.tables(connection):
        if count := meltano_tables.remaining_rows(connection, place, person):
            proof.left.append(f"{count} rows of {place} that have the name and contain bookmarks of others")


def _search_store(settings: Settings, person: Person, proof: Proof) -> None:
    try:
        names = tap_config.auth_config(settings).vault.users()
    except (OuraError, SettingsError) as error:
        proof.left.append(f"token store, which cannot be searched: {error}")
    else:
        proof.left += [f"token store: {name}" for name in names if name in person.entries]


def _tell_what_goes_on(settings: Settings, person: Person) -> None:
    try:
        configured = {account.user for account in tap_config.configured(settings)}
    except SettingsError:
        return
    if named := configured & {*person.names}:
        click.echo(f"The settings still name {', '.join(sorted(filter(None, named)))}: the next run collects it again.")
    elif configured == {None}:
        click.echo("The settings still contain a token of an account: the next run collects it again.")
