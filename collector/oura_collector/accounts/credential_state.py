"""What the settings and the token store say of each account's credentials. No request is sent."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tap_oura.errors import OuraError

from oura_collector.accounts import tap_config

if TYPE_CHECKING:
    from oura_collector.settings import Settings

UNREADABLE = "unreadable"
BROKEN = frozenset({"lost", "missing", UNREADABLE})
"""States that need a person."""


@dataclass(frozen=True)
class CredentialState:
    """One account's credentials. `user` is None while only Oura knows the name; `problem` is why they are unreadable.

    `state` is one of `Record.state`, or `unreadable`.
    """

    user: str | None
    state: str
    problem: str | None = None
    valid_until: datetime | None = None
    last_refresh: datetime | None = None
    scopes: tuple[str, ...] | None = None


def credential_states(settings: Settings) -> list[CredentialState]:
    """Return the accounts of the settings and of the token store. Raises SettingsError."""
    now, states = time.time(), []
    for account in tap_config.configured(settings):
        try:
            record = account.credentials.record
        except OuraError as error:
            states.append(CredentialState(account.user, UNREADABLE, str(error)))
            continue
        valid_until, last_refresh = _instant(record.expires_at), _instant(record.refreshed_at)
        states.append(CredentialState(account.user, record.state(now), None, valid_until, last_refresh, record.scopes))
    return states


def _instant(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)
