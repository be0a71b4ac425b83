"""What is held about one person, by which names, in which tables."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from psycopg import sql
from tap_oura.errors import OuraError

from oura_collector.database import exists
from oura_collector.settings import SettingsError

if TYPE_CHECKING:
    import psycopg
    from tap_oura.credentials.vault import Vault

# Tables alone: what a view shows is theirs. In `public` others may have tables too.
PERSONAL = """
SELECT nspname, relname FROM pg_class
JOIN pg_namespace ON pg_namespace.oid = relnamespace
JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'user_id' AND NOT attisdropped
WHERE relkind IN ('r', 'p') AND NOT relispartition
    AND (nspname IN ('oura_raw', 'oura_staging', 'oura_collector') OR nspname = 'public' AND relname LIKE 'oura\\_%')
ORDER BY nspname, relname"""
PROFILE = "oura_raw.personal_info"
# Whoever has the same wearer's id at Oura is the same person, by whatever name.
KNOWN_AS = """
SELECT DISTINCT other.user_id, other.id, other.email FROM oura_raw.personal_info AS known
JOIN oura_raw.personal_info AS other ON other.user_id = known.user_id OR other.id = known.id
WHERE known.user_id = ANY(%(names)s) OR known.id = ANY(%(names)s)"""

NAME_GOES_ON = r"[\w-]"
"""After or before which a name is only a part of another: `user-1` is not `user-10`."""


@dataclass(frozen=True, order=True)
class Table:
    """A table with a column `user_id`."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)


@dataclass(frozen=True)
class Person:
    """A wearer: `names` are what rows and credentials are kept under, `traces` all words that lead to the person."""

    names: tuple[str, ...]
    traces: tuple[str, ...]
    entries: tuple[str, ...]
    """Names in the token store."""

    @property
    def pattern(self) -> str:
        """A regular expression, for Python and PostgreSQL alike, that finds any trace, as it is or as JSON has it."""
        spelled = {spelling for trace in self.traces for spelling in (trace, json.dumps(trace)[1:-1], quote(trace))}
        words = "|".join(re.escape(word) for word in sorted(spelled))
        return f"(?<!{NAME_GOES_ON})(?:{words})(?!{NAME_GOES_ON})"


def find(connection: psycopg.Connection, vault: Vault, user: str) -> Person:
    """Return the person behind an account's name. Raises SettingsError where the name is unknown or the store fails."""
    names, traces = {user}, {user}
    try:
        kept = {name: vault.read(name) for name in vault.users()}
    except OuraError as error:
        raise SettingsError(str(error)) from None
    entries = {name for name, record in kept.items() if user in (name, record and record.user_id)}
    names |= {record.user_id for name in entries if (record := kept[name]) and record.user_id}
    if exists(connection, PROFILE):
        for other, wearer, email in connection.execute(KNOWN_AS, {"names": list(names)}).fetchall():
            names |= {other, wearer}
            traces |= {other, wearer, email}
    names = {name for name in names if name}
    entries |= {name for name, record in kept.items() if names & {name, (record and record.user_id) or ""}}
    known = _known(connection) | kept.keys()
    if not names & known:
        raise SettingsError(
            f"--user: nothing is held of '{user}'; the accounts are: {', '.join(sorted(known)) or 'none'}"
        )
    return Person(
        tuple(sorted(names)), tuple(sorted({trace for trace in traces | names if trace})), tuple(sorted(entries))
    )


def tables(connection: psycopg.Connection) -> list[Table]:
    """Return all tables that hold rows of persons."""
    return [Table(schema, name) for schema, name in connection.execute(PERSONAL.encode()).fetchall()]


def _known(connection: psycopg.Connection) -> set[str]:
    """The names that rows are kept under."""
    found: set[str] = set()
    for table in tables(connection):
        rows = connection.execute(sql.SQL("SELECT DISTINCT user_id FROM {}").format(table.identifier)).fetchall()
        found |= {name for (name,) in rows if name}
    return found
