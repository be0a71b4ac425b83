"""Requests to Oura, counted until the counts are taken."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_oura.accounts import Account


class Traffic:
    """Requests by account, path segment and result (a status or `unreachable`); each is taken once. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: dict[tuple[Account, str], Counter[str]] = {}
        self._remaining: dict[Account, int] = {}

    def note(self, account: Account, segment: str, result: str, remaining: str | None = None) -> None:
        with self._lock:
            self._requests.setdefault((account, segment), Counter())[result] += 1
            # Oura need not send the remaining quota; a 429 means zero, and a later response that it no longer is.
            self._remaining.pop(account, None)
            if (remaining or "").isdigit() or result == "429":
                self._remaining[account] = int(remaining or 0)

    def take(self, account: Account, segment: str) -> dict[str, int]:
        """Return the number of requests not taken before, by result."""
        with self._lock:
            return dict(self._requests.pop((account, segment), {}))

    def remaining(self, account: Account) -> int | None:
        """Return the account's remaining requests according to the last response, None if unknown."""
        return self._remaining.get(account)

    def rest(self) -> Iterator[tuple[Account, str, dict[str, int]]]:
        """Yield account, segment and requests by result of all not taken: requests for names, and token checks."""
        for account, segment in list(self._requests):
            yield account, segment, self.take(account, segment)
