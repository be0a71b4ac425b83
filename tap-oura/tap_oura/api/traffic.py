"""Requests to Oura, counted as they are made until somebody takes the counts."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_oura.accounts import Account


class Traffic:
    """Requests by account, path segment and outcome, which is a status or `unreachable`; each is taken once.

    Safe to be used by several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: dict[tuple[Account, str], Counter[str]] = {}
        self._remaining: dict[Account, int] = {}

    def note(self, account: Account, segment: str, outcome: str, remaining: str | None = None) -> None:
        with self._lock:
            self._requests.setdefault((account, segment), Counter())[outcome] += 1
            # Oura need not say what is left; a refusal says that nothing is, and a later answer that this is over.
            self._remaining.pop(account, None)
            if (remaining or "").isdigit() or outcome == "429":
                self._remaining[account] = int(remaining or 0)

    def take(self, account: Account, segment: str) -> dict[str, int]:
        """Return the requests not taken before, by outcome."""
        with self._lock:
            return dict(self._requests.pop((account, segment), {}))

    def remaining(self, account: Account) -> int | None:
        """Return what is left of the account's quota, as far as the last answer tells."""
        return self._remaining.get(account)

    def rest(self) -> Iterator[tuple[Account, str, dict[str, int]]]:
        """Yield account, segment and requests of all that was not taken: who am I, is the token alive."""
        for account, segment in list(self._requests):
            yield account, segment, self.take(account, segment)
