"""Meltano's data about accounts: bookmarks. A name counts only as the owner of an entry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg import sql

from oura_collector.database.connection import META_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import psycopg

    from oura_collector.privacy.person import Person


class MeltanoTable(NamedTuple):
    """A table of Meltano: its key, the column that names a row's pipeline, and those with bookmarks as JSON."""

    schema: str
    table: str
    key: str
    pipeline: str
    columns: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}"

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.table)


TABLES = (
    (("state", "state_id", "state_id", ("completed_state", "partial_state")), {"updated_at"}),
    (("runs", "id", "job_name", ("payload",)), {"payload_flags", "run_id", "trigger"}),
)
"""Each with columns that distinguish it from a foreign table."""
# Where a connection lost its search path, Meltano made its tables in `public`.
MADE = """
SELECT table_schema FROM information_schema.columns
WHERE table_schema IN (%s, 'public') AND table_name = %s AND column_name = ANY(%s)
GROUP BY table_schema HAVING count(*) = %s ORDER BY table_schema"""


def tables(connection: psycopg.Connection) -> Iterator[MeltanoTable]:
    """Yield Meltano's existing tables."""
    for (table, key, pipeline, columns), others in TABLES:
        wanted = {key, pipeline, *columns, *others}
        parameters = [META_SCHEMA, table, list(wanted), len(wanted)]
        for (schema,) in connection.execute(MADE, parameters).fetchall():
            yield MeltanoTable(schema, table, key, pipeline, columns)


def run_ids(connection: psycopg.Connection) -> frozenset[str]:
    """Return Meltano's ids of the runs of this database."""
    return frozenset(
        run
        for table in tables(connection)
        if table.table == "runs"
        for (run,) in connection.execute(f"SELECT run_id::text FROM {table}".encode()).fetchall()
    )


def entries_of(state: Any, names: Collection[str]) -> Any:
    """Return a state (parsed JSON) with only these accounts' entries, in their positions; None if there are none."""
    if isinstance(state, dict):
        if _whose(state) in names:
            return state
        found = {name: entries_of(value, names) for name, value in state.items()}
        return {name: value for name, value in found.items() if value is not None} or None
    if isinstance(state, list):
        return [value for value in (entries_of(item, names) for item in state) if value is not None] or None
    return None


def without(state: Any, names: Collection[str]) -> Any:
    """Return a state without the entries of these accounts."""
    if isinstance(state, dict):
        return {name: without(value, names) for name, value in state.items() if _whose(value) not in names}
    if isinstance(state, list):
        return [without(item, names) for item in state if _whose(item) not in names]
    return state


def remove_person(connection: psycopg.Connection, table: MeltanoTable, person: Person) -> int:
    """Remove the person from a table's rows, and return the number of changed rows."""
    changed = 0
    touched = " OR ".join(f"{column}::text ~ %(pattern)s" for column in table.columns)
    query = f"SELECT {table.key}, {table.pipeline} FROM {table} WHERE ({touched}) OR {table.pipeline} ~ %(named)s"
    found = connection.execute(query.encode(), {"pattern": person.whose, "named": person.anything}).fetchall()
    for key, pipeline in found:  # One at a time: there may be a row for each run of years.
        read = sql.SQL("SELECT {} FROM {} WHERE {} = %s FOR UPDATE").format(
            sql.SQL(", ").join(map(sql.Identifier, table.columns)), table.identifier, sql.Identifier(table.key)
        )
        row = connection.execute(read, [key]).fetchone()
        states = dict(zip(table.columns, map(parsed, row), strict=True)) if row else {}
        kept = {column: without(state, person.names) for column, state in states.items()}
        if _is_hers(pipeline, person) and not any(_names(state) for state in kept.values()):
            delete = sql.SQL("DELETE FROM {} WHERE {} = %s").format(table.identifier, sql.Identifier(table.key))
            changed += connection.execute(delete, [key]).rowcount
            continue
        for column in (column for column in kept if kept[column] != states[column]):
            update = sql.SQL("UPDATE {} SET {} = %s WHERE {} = %s").format(
                table.identifier, sql.Identifier(column), sql.Identifier(table.key)
            )
            changed += connection.execute(update, [json.dumps(kept[column]), key]).rowcount
    return changed


def remaining_rows(connection: psycopg.Connection, table: MeltanoTable, person: Person) -> int:
    """Return the number of rows named after the person, whatever else they contain."""
    query = sql.SQL("SELECT {} FROM {} WHERE {} ~ %s").format(
        sql.Identifier(table.pipeline), table.identifier, sql.Identifier(table.pipeline)
    )
    return sum(_is_hers(name, person) for (name,) in connection.execute(query, [person.anything]).fetchall())


def _is_hers(pipeline: str, person: Person) -> bool:
    """Whether a state's id, `environment:tap-to-target:suffix` or any that was chosen, ends in a name of the person."""
    return pipeline in person.names or pipeline.partition(":")[2].partition(":")[2] in person.names


def _whose(entry: Any) -> Any:
    if not isinstance(entry, dict):
        return None
    context = entry.get("context")
    whose = context.get("user_id") if isinstance(context, dict) else entry.get("user_id")
    return whose if isinstance(whose, str) else None


def _names(state: Any) -> set[str]:
    """All accounts that a state has entries of."""
    inside = list(state.values()) if isinstance(state, dict) else state if isinstance(state, list) else []
    return {name for name in (_whose(state), *(name for value in inside for name in _names(value))) if name}


def parsed(text: str | None) -> Any:
    """A state; None where there is none, or it is not JSON and so nothing of Meltano's."""
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None
