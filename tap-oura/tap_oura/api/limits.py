"""Oura's rate limits: a limited account sends nothing before its time, and delays no other account."""

from __future__ import annotations

import threading
import time

EVERYBODY = ""
"""Stands for all accounts of the application."""

APPLICATION = "app"
"""How the tier that concerns all accounts begins; the other one is the user's."""


class Limits:
    """Until when accounts may not send. Thread-safe."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def pause(self, account: str, tier: str, seconds: float) -> None:
        """Hold an account back for so many seconds, or all accounts if `tier` is the application's limit."""
        whom = EVERYBODY if tier.lower().startswith(APPLICATION) else account
        with self._lock:
            self._until[whom] = max(time.monotonic() + seconds, self._until.get(whom, 0.0))

    def wait(self, account: str) -> None:
        """Sleep until the account may send."""
        while (rest := self._rest(account)) > 0:
            time.sleep(rest)

    def _rest(self, account: str) -> float:
        with self._lock:
            return max(self._until.get(whom, 0.0) for whom in (account, EVERYBODY)) - time.monotonic()
