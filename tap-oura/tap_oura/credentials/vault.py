"""Where credentials are kept: the one interface that every store has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tap_oura.errors import AccountFailed

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from tap_oura.credentials.record import Record

DEFAULT = "default"
"""The entry of an account that the settings give credentials for but no name."""


class StoreFailed(AccountFailed):
    """The store cannot be read or written. No token was used, unless the message says so."""

    reason = "store"


class Overtaken(Exception):
    """Another process has changed the entry since it was read: read it again and decide again."""


class Entry(Protocol):
    """One account's entry in the store, open for writing."""

    @property
    def record(self) -> Record | None:
        """The entry's record, as read when it was opened and as last written; None without one."""

    def write(self, record: Record) -> None:
        """Store the record; durable on return. Raises Overtaken, StoreFailed."""

    def remove(self) -> None:
        """Remove the account. Raises Overtaken, StoreFailed."""


class Vault(Protocol):
    """All accounts' credentials. One vault may be used by any number of processes at the same time."""

    exclusive: bool
    """Whether an open entry keeps every other process out, so that a refresh found under way must be a dead one."""

    def users(self) -> list[str]:
        """Return the names of all entries. Raises StoreFailed."""

    def read(self, user: str) -> Record | None:
        """Return an entry's record, None without one, and wait for no writer. Raises StoreFailed."""

    def open(self, user: str) -> AbstractContextManager[Entry]:
        """Open an entry for writing. Raises StoreFailed."""
