"""All received requests, for assertions."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

CAPACITY = 200_000


@dataclass(slots=True)
class Entry:
    """One request. `status` is None until the response is sent, and if it never is."""

    n: int
    at: str
    method: str
    path: str
    query: str
    user: str | None = None
    status: int | None = None
    grant_type: str | None = None
    collection: str | None = None

    def described(self) -> dict[str, Any]:
        """Return the fields as the admin route shows them; `grant_type` only for a token request."""
        shown = {name: getattr(self, name) for name in self.__slots__}
        if self.grant_type is None:
            del shown["grant_type"]
        return shown


class RequestLog:
    """The newest 200,000 requests, and totals of all."""

    def __init__(self) -> None:
        self._count = 0
        self.clear()

    def clear(self) -> None:
        """Remove all entries. Numbers continue, so that a reader's `since` stays valid."""
        self._entries: deque[Entry] = deque(maxlen=CAPACITY)
        self._totals: Counter[tuple[str, int | None, str | None, str | None]] = Counter()

    def begin(self, now: datetime, method: str, path: str, query: str) -> Entry:
        self._count += 1
        entry = Entry(self._count, now.isoformat(timespec="milliseconds"), method, path, query)
        self._entries.append(entry)
        return entry

    def end(self, entry: Entry, route: str) -> None:
        """Count the request; `route` is the path without a document's id."""
        self._totals[route, entry.status, entry.user, entry.grant_type] += 1

    def since(self, number: int) -> list[dict[str, Any]]:
        """Return the entries after `number`, oldest first."""
        found = []
        for entry in reversed(self._entries):
            if entry.n <= number:
                break
            found.append(entry.described())
        return found[::-1]

    def totals(self) -> dict[str, Any]:
        """Return `total`, and counts `by_path`, `by_status`, `by_user` and `by_grant`, each by name."""
        by: dict[str, Counter[str]] = {"path": Counter(), "status": Counter(), "user": Counter(), "grant": Counter()}
        for (path, status, user, grant), count in self._totals.items():
            by["path"][path] += count
            by["status"][str(status)] += count
            if user:
                by["user"][user] += count
            if grant:
                by["grant"][grant] += count
        return {
            "total": sum(self._totals.values()),
            **{f"by_{name}": dict(counter) for name, counter in by.items()},
        }
