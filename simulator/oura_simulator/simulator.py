"""One simulator: its parts, wired together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oura_simulator.access import Access
from oura_simulator.accounts import AccountInfo, Accounts
from oura_simulator.clock import Clock
from oura_simulator.collections import COLLECTIONS
from oura_simulator.consent import Consent
from oura_simulator.edit_operations import EditOperations
from oura_simulator.edits import Edits
from oura_simulator.faults import Faults
from oura_simulator.oauth import Manners, OAuth
from oura_simulator.pages import Pages
from oura_simulator.request_log import RequestLog
from oura_simulator.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from oura_simulator.settings import Settings


class Simulator:
    def __init__(self, settings: Settings, now: Callable[[], datetime] | None = None) -> None:
        self.settings = settings
        self.clock = Clock(now or settings.today)
        self.accounts = Accounts(settings)
        self.access = Access(self.accounts, self.clock)
        self.edits = Edits(settings.seed)
        self.store = Store(settings, self.accounts, self.clock, self.edits)
        self.edit_operations = EditOperations(self.store, self.edits, settings.seed, self.account)
        self.faults = Faults()
        self.request_log = RequestLog()
        self.consent = Consent(self.accounts, self.access, self.clock)
        self.oauth = OAuth(self.accounts, self.access, self.clock, self.faults, self.consent)
        self.pages = Pages(self.store, self.access, settings.page_size)

    def reset(self) -> None:
        """Restore the initial state: no edits, no faults, no requests, first tokens, first clock."""
        self.clock.reset()
        self.access.reset()
        self.consent.reset()
        self.edits.clear()
        self.faults.clear()
        self.request_log.clear()
        self.oauth.manners = Manners()
        self.pages.collections = dict(COLLECTIONS)

    def account(self, name: Any) -> int:
        """Return the number of a user such as `user-1`. Raises ValueError if there is none."""
        number = self.accounts.number(name) if isinstance(name, str) else None
        if number is None:
            raise ValueError(f"user must be user-1 to user-{self.accounts.count}")
        return number

    def described(self, number: int, url: str) -> AccountInfo:
        """Return an account with its credentials, as printed at the start."""
        return self.accounts[number].described(url, self.access.provider(number))
