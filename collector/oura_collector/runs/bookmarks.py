"""Meltano's states as data: reads, rewinds and restores the bookmark of each account and collection.

A row of `meltano.state` holds two documents of JSON. The tap is given `completed_state` with `partial_state` merged
over it: objects key by key, lists whole, so a list of accounts in the second hides that of the first.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from tap_oura.catalog.collections import COLLECTIONS

from oura_collector.database.connection import META_SCHEMA, exists
from oura_collector.pipeline.result import LOADER, TAP
from oura_collector.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import psycopg

TABLE = f"{META_SCHEMA}.state"
BOOKMARK = "replication_key_value"

OF_PIPELINE = "(state_id = %(id)s OR %(shards)s AND starts_with(state_id, %(id)s || ':'))"
READ = f"""
SELECT state_id, completed_state::text, partial_state::text FROM {TABLE}
WHERE {OF_PIPELINE} ORDER BY state_id FOR UPDATE"""
WRITE = f"""
INSERT INTO {TABLE} AS old (state_id, completed_state, partial_state)
VALUES (%(id)s, coalesce(%(completed)s::text, '{{}}'), coalesce(%(partial)s::text, '{{}}'))
ON CONFLICT (state_id) DO UPDATE SET
    completed_state = coalesce(%(completed)s::text, old.completed_state),
    partial_state = coalesce(%(partial)s::text, old.partial_state)"""

MOST_NAMES = 20
"""Accounts that an error message lists."""


def state_id(environment: str, suffix: str | None = None) -> str:
    """Return the id that Meltano gives the pipeline's state; a shard's has a suffix."""
    return ":".join(filter(None, (environment, f"{TAP}-to-{LOADER}", suffix)))


class State:
    """One row of Meltano's. What is not set stays as it was, and so does the document that nothing is set in."""

    def __init__(self, name: str, completed: str | None = None, partial: str | None = None) -> None:
        self.name = name
        try:
            documents = [json.loads(text or "{}") for text in (completed, partial)]
        except ValueError:
            raise SettingsError(f"{TABLE}: {name} is not JSON; set it with 'meltano state set' or clear it") from None
        self._completed, self._partial = (each if isinstance(each, dict) else {} for each in documents)
        self._changed: list[Any] = []

    def accounts(self, collection: str) -> dict[str, dict[str, Any]]:
        """Return the parts of a collection by account: `context`, `replication_key_value` and the tap's own notes."""
        found, _ = self._parts(collection)
        return {str(user): part for part in reversed(found) if (user := _user(part)) is not None}

    def collections(self) -> set[str]:
        return {name for document in (self._completed, self._partial) for name in _bookmarks(document)}

    def bookmark(self, collection: str, user: str) -> str | None:
        """Return an account's own bookmark, else the one for the whole collection, if there is any."""
        own = self.accounts(collection).get(user, {}).get(BOOKMARK)
        for document in (self._partial, self._completed):
            own = own or _stream(document, collection).get(BOOKMARK)
        return str(own) if own else None

    def set(self, collection: str, days: Mapping[str, date]) -> None:
        """Set accounts' own bookmarks; their other notes stay, and the tap sees that they belong to another one."""
        own = self.accounts(collection)
        parts, document = self._parts(collection)
        if document is None:
            document = stream = self._completed
            for key in ("singer_state", "bookmarks", collection):
                if not isinstance(stream.get(key), dict):
                    stream[key] = {}
                stream = stream[key]
            stream["partitions"] = parts
        for user, day in days.items():
            if (part := own.get(user)) is None:
                part = {"context": {"user_id": user}, "replication_key": COLLECTIONS[collection].cursor}
                parts.append(part)
            part[BOOKMARK] = day.isoformat()
        self._changed.append(document)

    def write(self, connection: psycopg.Connection) -> None:
        """Store what was set."""
        if not self._changed:
            return
        completed, partial = (
            json.dumps(document) if any(document is each for each in self._changed) else None
            for document in (self._completed, self._partial)
        )
        connection.execute(WRITE.encode(), {"id": self.name, "completed": completed, "partial": partial})

    def _parts(self, collection: str) -> tuple[list[Any], Any]:
        """Return the list that the tap is given, and the document that it is in."""
        for document in (self._partial, self._completed):
            parts = _stream(document, collection).get("partitions")
            if isinstance(parts, list):
                return parts, document
        return [], None


def read(connection: psycopg.Connection, name: str, *, shards: bool) -> list[State]:
    """Return the state of that id, and those of its shards, locked until the transaction ends. Raises SettingsError."""
    if not exists(connection, TABLE):
        return []
    # Meltano holds such a row for the length of one statement.
    connection.execute("SET LOCAL lock_timeout = '30s'")
    rows = connection.execute(READ.encode(), {"id": name, "shards": shards}).fetchall()
    return [State(*row) for row in rows]


@dataclass(frozen=True)
class Change:
    """A bookmark that was moved back. `before` is an instant for a time series."""

    collection: str
    user: str
    before: str
    after: date
    state: str

    def __str__(self) -> str:
        return f"{self.collection} of {self.user}: {self.before} -> {self.after} ({self.state})"


def rewind(
    connection: psycopg.Connection, environment: str, user: str, collections: Sequence[str], day: date
) -> list[Change]:
    """Set the bookmarks of an account's `collections` (none named: all) back to a day, all of them or none.

    An account may have an older one in the state of a division into shards that is no longer in use: it is left alone.
    Raises SettingsError, with one line, for unknown names and for a day that is not before the bookmark.
    """
    if day > datetime.now(UTC).date():
        raise SettingsError(f"--to: {day} is in the future; a bookmark only moves back")
    with connection.transaction():
        states = read(connection, state_id(environment), shards=True)
        _check(states, environment, user)
        changes = []
        for name in collections or sorted(COLLECTIONS):
            found = [(state, bookmark) for state in states if (bookmark := state.bookmark(name, user))]
            later = [(state, bookmark) for state, bookmark in found if _is_later(bookmark, day)]
            if collections and not later:
                raise SettingsError(_why_not(name, user, day, [bookmark for _, bookmark in found]))
            for state, bookmark in later:
                state.set(name, {user: day})
                changes.append(Change(name, user, bookmark, day, state.name))
        if not changes:
            raise SettingsError(f"--to: no bookmark of {user} is later than {day}; a bookmark only moves back")
        for state in states:
            state.write(connection)
    return changes


def _check(states: list[State], environment: str, user: str) -> None:
    if not states:
        raise SettingsError(f"there are no bookmarks yet in environment {environment}; run the pipeline first")
    known = {name for state in states for collection in state.collections() for name in state.accounts(collection)}
    if user not in known:
        names = sorted(known)
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        raise SettingsError(
            f"--user: there is no bookmark of '{user}'; the accounts are: {', '.join(names[:MOST_NAMES])}{more}"
        )


def _why_not(collection: str, user: str, day: date, bookmarks: list[str]) -> str:
    if bookmarks:
        return f"--to: {day} is not before the bookmark of {collection}, {max(bookmarks)}; a bookmark only moves back"
    if COLLECTIONS[collection].cursor is None:
        return f"--collection: {collection} has no bookmark; every run reads all of it"
    return f"--collection: {collection} of {user} has no bookmark; every run reads it from the start date"


def day_of(value: object) -> date | None:
    """Return the day of a date or of a text that begins with one, else None."""
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def _is_later(bookmark: str, day: date) -> bool:
    """Whether a bookmark is later than a day. One that is not a date may be overwritten."""
    own = day_of(bookmark)
    return own is None or (own >= day and bookmark != day.isoformat())


def _bookmarks(document: Any) -> dict[str, Any]:
    for key in ("singer_state", "bookmarks"):
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}


def _stream(document: Any, collection: str) -> dict[str, Any]:
    found = _bookmarks(document).get(collection)
    return found if isinstance(found, dict) else {}


def _user(part: Any) -> Any:
    context = part.get("context") if isinstance(part, dict) else None
    return context.get("user_id") if isinstance(context, dict) else None
