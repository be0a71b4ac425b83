"""Oura's rate limits: who was refused is not asked again before the time, and nobody else is held up for it."""

from __future__ import annotations

import threading
import time

EVERYBODY = ""
"""Stands for all accounts of the application."""

APPLICATION = "app"
"""How the tier that concerns all accounts begins; the other one is the user's."""


class Limits:
    """Until when accounts may not send. Safe to be used by several threads."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def pause(self, account: str, tier: str, seconds: float) -> None:
        """Hold back an account, or all of them where the application's limit was met."""
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
