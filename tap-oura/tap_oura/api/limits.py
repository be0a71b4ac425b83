"""Oura's rate limits: a limited account sends nothing before its time, and delays no other account."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tap_oura.accounts import Account

APPLICATION = "app"
"""How the tier that concerns all accounts begins; the other one is the user's."""


class Limits:
    """Until when accounts may not send. Thread-safe."""

    def __init__(self) -> None:
        self._until: dict[Account | None, float] = {}  # None: all accounts of the application.
        self._lock = threading.Lock()

    def pause(self, account: Account, tier: str, seconds: float) -> None:
        """Hold back an account, or all of them where the application's limit was met."""
        whom = None if tier.lower().startswith(APPLICATION) else account
        with self._lock:
            self._until[whom] = max(time.monotonic() + seconds, self._until.get(whom, 0.0))

    def wait(self, account: Account) -> None:
        """Sleep until the account may send."""
        while (rest := self._rest(account)) > 0:
            time.sleep(rest)

    def _rest(self, account: Account) -> float:
        with self._lock:
            return max(self._until.get(whom, 0.0) for whom in (account, None)) - time.monotonic()
