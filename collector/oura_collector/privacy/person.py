"""A person's names and ids, and the tables with data about people."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import tap_oura
from psycopg import sql
from tap_oura.errors import OuraError

import oura_collector
from oura_collector.database.connection import exists
from oura_collector.settings import PROJECT, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import psycopg
    from tap_oura.credentials.vault import Vault

# Tables alone: what a view shows is theirs. In `public` others may have tables too.
PERSONAL = """
SELECT nspname, relname FROM pg_class
JOIN pg_namespace ON pg_namespace.oid = relnamespace
JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'user_id' AND NOT attisdropped
    AND atttypid IN ('text'::regtype, 'varchar'::regtype)
WHERE relkind IN ('r', 'p') AND NOT relispartition
    AND (nspname IN ('oura_raw', 'oura_staging', 'oura_collector') OR nspname = 'public' AND relname LIKE 'oura\\_%')
ORDER BY nspname, relname"""
PROFILE = "oura_raw.personal_info"
# Whoever has the same wearer's id at Oura is the same person, by whatever name.
# As JSON, because a field may have been left out, or be of another type in another tool's table.
KNOWN_AS = """
WITH profiles AS (SELECT to_jsonb(profile) AS given FROM oura_raw.personal_info AS profile)
SELECT DISTINCT other.given ->> 'user_id', other.given ->> 'id', other.given ->> 'email' FROM profiles AS known
JOIN profiles AS other
    ON other.given ->> 'user_id' = known.given ->> 'user_id' OR other.given ->> 'id' = known.given ->> 'id'
WHERE known.given ->> 'user_id' = ANY(%(names)s) OR known.given ->> 'id' = ANY(%(names)s)"""

NAME_GOES_ON = r"[\w-]"
"""After or before which a name is only a part of another, as `user-1` is of `user-10`."""
SHORTEST, LONGEST_NUMBER = 4, 12
"""Characters: shorter words, and numbers up to that length, are found everywhere."""


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
    """A person: `names` are the keys of rows and credentials, `traces` all words that identify the person."""

    names: tuple[str, ...]
    traces: tuple[str, ...]
    entries: tuple[str, ...]
    """Names in the token store."""
    identity: tuple[str, ...] = ()
    """What Oura knows the wearer by: the id, the e-mail address."""

    @property
    def common(self) -> tuple[str, ...]:
        """The traces that occur in any text, such as `1` or `sleep`."""
        return tuple(trace for trace in self.traces if not stands_out(trace))

    @property
    def whose(self) -> str:
        """A regular expression, for Python and PostgreSQL alike: `"user_id": "name"` in JSON, at any depth."""
        quotation = r'\\{0,8}"'
        return rf"{quotation}user_id{quotation}\s{{0,4}}:\s{{0,4}}{quotation}(?:{_any_of(self.names)}){quotation}"

    @property
    def pattern(self) -> str:
        """Like `whose`, and any trace as a separate word, except for the `common` ones."""
        return "|".join([self.whose, *self._words(set(self.traces) - set(self.common))])

    @property
    def identifiers(self) -> str:
        """Like `pattern`, without the names, which another person's notes may mention."""
        return "|".join([self.whose, *self._words({*self.identity} - {*self.common})])

    @property
    def anything(self) -> str:
        """Like `pattern`, but any part of a word counts: for text that may go in any case."""
        return _any_of(self.traces)

    @property
    def longest(self) -> int:
        """An upper bound of the bytes that any of the patterns matches."""
        return 64 + max(len(spelling.encode()) for trace in self.traces for spelling in _spellings(trace))

    @staticmethod
    def _words(traces: set[str]) -> Iterator[str]:
        if traces:
            yield f"(?<!{NAME_GOES_ON})(?:{_any_of(traces)})(?!{NAME_GOES_ON})"


def _any_of(traces: Iterable[str]) -> str:
    return "|".join(
        re.escape(spelling) for spelling in sorted({each for trace in traces for each in _spellings(trace)})
    )


def _spellings(trace: str) -> set[str]:
    """A text as it is, in JSON, in JSON within JSON, and in an address or a file's name."""
    inside = {trace, json.dumps(trace)[1:-1], json.dumps(trace, ensure_ascii=False)[1:-1]}
    return {
        *inside,
        *(json.dumps(each, ensure_ascii=False)[1:-1] for each in inside),
        quote(trace),
        quote(trace, safe=""),
    }


def stands_out(trace: str) -> bool:
    """Return whether the word identifies the person: it is neither short nor a word of this program."""
    if not any(letter.isalpha() for letter in trace):
        return len(trace) > LONGEST_NUMBER
    return (len(trace) >= SHORTEST or not trace.isascii()) and trace not in _own_words()


@cache
def _own_words() -> frozenset[str]:
    """The words of the program's messages, tables and columns, alone and joined."""
    texts = [file.read_text() for kind in ("sql", "yml") for file in (PROJECT / "transform").rglob(f"*.{kind}")]
    for folder in (Path(oura_collector.__file__).parent, Path(tap_oura.__file__).parent):
        for file in folder.rglob("*.py"):
            nodes = list(ast.walk(ast.parse(file.read_text())))
            documentation = {node.value for node in nodes if isinstance(node, ast.Expr)}
            texts += [str(node.value) for node in nodes if isinstance(node, ast.Constant) and node not in documentation]
    return frozenset(word for text in texts for words in (r"\w+", r"[\w-]+") for word in re.findall(words, text))


def find(connection: psycopg.Connection, vault: Vault, user: str) -> Person:
    """Return the person behind an account's name. Raises SettingsError if the name is unknown or the store fails."""
    names, identity = {user}, set[str]()
    try:
        kept = {name: vault.read(name) for name in vault.users()}
    except OuraError as error:
        raise SettingsError(str(error)) from None
    entries = {name for name, record in kept.items() if user in (name, record and record.user_id)}
    names |= {record.user_id for name in entries if (record := kept[name]) and record.user_id}
    if exists(connection, PROFILE):
        for other, wearer, email in connection.execute(KNOWN_AS, {"names": list(names)}).fetchall():
            names |= {other, wearer}
            identity |= {wearer, email}
    names, identity = ({each for each in found if each} for found in (names, identity))
    entries |= {name for name, record in kept.items() if names & {name, (record and record.user_id) or ""}}
    known = _known(connection) | kept.keys()
    if not names & known:
        raise SettingsError(
            f"--user: there is no data about '{user}'; the accounts are: {', '.join(sorted(known)) or 'none'}"
        )
    return Person(*(tuple(sorted(found)) for found in (names, names | identity, entries, identity)))


def tables(connection: psycopg.Connection) -> list[Table]:
    """Return all tables with rows of people."""
    return [Table(schema, name) for schema, name in connection.execute(PERSONAL.encode()).fetchall()]


def _known(connection: psycopg.Connection) -> set[str]:
    """Return the values of `user_id` in all tables."""
    found: set[str] = set()
    for table in tables(connection):
        rows = connection.execute(sql.SQL("SELECT DISTINCT user_id FROM {}").format(table.identifier)).fetchall()
        found |= {name for (name,) in rows if name}
    return found
