"""An account's access token: read from the vault, refreshed when due, without ever risking the consent.

A refresh token works once: using it and losing the response loses the consent. So a refresh records each step in the
vault, where the next one, in this process or another, finds what was reached:

| the entry contains         | meaning                                  | what the next reader does          |
|----------------------------|------------------------------------------|------------------------------------|
| a token pair               | intact                                   | refreshes when it is due           |
| a pair and `sent`          | the token is being used, or was          | waits while the writer may live,   |
|                            |                                          | else: lost, never sent again       |
| a pair, `sent`, `answer`   | Oura's response, as received             | parses it: intact                  |
| a pair and `refused`       | Oura has ended the grant                 | lost                               |

`sent` is durable before the request is sent, `answer` before it is parsed, the new pair before it is used. Without
`sent` nothing is sent. A request that was not sent, and a refusal, remove `sent`. It stays only if the process dies
before `answer`, or no response arrives; then it is unknown whether the token was used, so it is not sent again, and a
message explains how to consent again. `sent` also keeps two machines apart where there is no lock: it is written by
compare-and-swap, so only one of them sends.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from shlex import quote
from typing import TYPE_CHECKING

from tap_oura.credentials.deferred_signals import deferred_signals
from tap_oura.credentials.endpoints import Endpoints
from tap_oura.credentials.oauth import (
    Application,
    NotAnswered,
    NotSent,
    Refused,
    TokenPair,
    Unavailable,
    Unreadable,
    read,
)
from tap_oura.credentials.record import ConfiguredCredentials, Record, Sent, adopt, renewed
from tap_oura.credentials.vault import DEFAULT, Entry, Overtaken, StoreFailed, Vault
from tap_oura.errors import AccountFailed, ConsentLost, RefreshFailed

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

MARGIN = 300.0
"""Seconds before it expires from which a token counts as expired, so that it does not expire between two requests."""

AGAIN_AFTER = 3600.0
"""Seconds between two refreshes of an account in one process: no loop, whatever `expires_in` is."""

STORE_AGAIN = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each attempt to store a response: its tokens exist nowhere else."""


NOTHING_LOST = "nothing is lost, the next run tries again"
KEPT = "it is kept in the token store under 'answer', so nothing is lost"


@dataclass(frozen=True)
class AuthConfig:
    """What all accounts of a run share. `login` is the command for a new consent."""

    vault: Vault
    endpoints: Endpoints
    basic: bool = False
    login: str | None = None
    clock: Callable[[], float] = time.time


class Credentials:
    """The access token of one account. Created without reading anything; thread-safe."""

    def __init__(self, user: str, configured: ConfiguredCredentials, auth_config: AuthConfig) -> None:
        self.user = user
        self._configured = configured
        self._auth_config = auth_config
        self._record: Record | None = None
        self._tried_at: float | None = None
        self._failure: AccountFailed | None = None
        self._turn = threading.Lock()

    @property
    def record(self) -> Record:
        """The account's record, read from the vault the first time."""
        if self._record is None:
            self._record = adopt(self._auth_config.vault.read(self.user), self._configured)
        return self._record

    @property
    def are_known(self) -> bool:
        """Whether the settings or the vault have credentials of the account."""
        return self._configured.digest is not None or self.record.has_tokens

    def token(self) -> str:
        """Return an access token that should work. Raises ConsentLost, RefreshFailed, StoreFailed."""
        with self._turn:
            # After a failure the old token is used until it expires, without a refresh before each request.
            if not self.record.usable(self._auth_config.clock(), 0 if self._failure else MARGIN):
                self._refresh(rejected=None)
            if self.record.access_token is None:
                raise ConsentLost(f"there are no credentials for it; {self._way}")
            return self.record.access_token

    def renew(self, rejected: str) -> bool:
        """Replace a token that Oura rejected. Returns whether there is another one; once per account and process."""
        with self._turn:
            if self.record.access_token == rejected:
                self._refresh(rejected)
            return self.record.access_token != rejected

    def remember(self, user_id: str) -> None:
        """Note Oura's own id of the account, so that it is requested once only."""
        if self.record.user_id == user_id or self.record.refresh_token is None:
            return
        with self._turn, suppress(Overtaken), self._auth_config.vault.open(self.user) as entry:
            current = adopt(entry.record, self._configured)
            if current.sent is None:
                entry.write(replace(current, user_id=user_id))
                self._record = entry.record

    def _refresh(self, rejected: str | None) -> None:
        try:
            while not self._attempt(rejected):
                time.sleep(self._auth_config.endpoints.pause)
        except AccountFailed as failure:
            self._failure = failure
            if rejected is not None or not self.record.usable(self._auth_config.clock()):
                raise
            logger.warning("%s: %s", self.user, failure)  # The old token is valid for some minutes.

    def _attempt(self, rejected: str | None) -> bool:
        """Leave with another token than `rejected`, or with the old one where there is none to be had.

        Returns False where somebody else is at it and one should look again.
        """
        now = self._auth_config.clock()
        record = self._record = adopt(self._auth_config.vault.read(self.user), self._configured)
        if record.refresh_token is None or (record.usable(now, MARGIN) and record.access_token != rejected):
            return True  # A token for good, or one that somebody else got meanwhile.
        if self._tried_at is not None and now - self._tried_at < AGAIN_AFTER:
            if self._failure:
                raise self._failure
            return True
        try:
            with self._auth_config.vault.open(self.user) as entry:
                now = self._auth_config.clock()
                record = self._record = self._settled(entry, adopt(entry.record, self._configured))
                if record.usable(now, MARGIN) and record.access_token != rejected:
                    return True
                if record.refused:
                    raise self._lost(f"Oura has ended it ({record.refused})")
                if record.sent:
                    if not self._auth_config.vault.exclusive and now < record.sent.until:
                        return rejected is None and record.usable(now)
                    raise self._lost(f"a refresh was sent at {_utc(record.sent.at)} and no response came")
                self._tried_at = now
                with deferred_signals():
                    self._spend(entry, record)
                return True
        except Overtaken:
            return False

    def _settled(self, entry: Entry, record: Record) -> Record:
        """Take over an answer that a killed process could still put down, but no longer read."""
        if record.answer is None:
            return record
        try:
            pair = read(record.answer)
        except Unreadable as error:
            raise RefreshFailed(f"{error}; {KEPT}") from None
        taken = self._with(record, pair)
        entry.write(taken)
        return taken

    def _spend(self, entry: Entry, record: Record) -> None:
        application = self._application(record)
        now = self._auth_config.clock()
        endpoints = self._auth_config.endpoints
        until = now + endpoints.connect + endpoints.patience + 30
        claim = replace(record, sent=Sent(now, until, f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"))
        entry.write(claim)
        try:
            fresh = self._send(entry, claim, application)
        except NotAnswered as error:
            raise self._lost(f"a refresh was sent at {_utc(now)} and no response came ({error})") from None
        except Unreadable as error:
            raise RefreshFailed(f"{error}; {KEPT}") from None
        except Refused as error:
            if error.error != "invalid_grant":
                self._store(entry, record)
                raise RefreshFailed(f"the token endpoint rejects the refresh ({error}); {_advice(error)}") from None
            self._store(entry, replace(record, refused=error.error))
            raise self._lost(f"Oura has ended it ({error.error})") from None
        except (NotSent, Unavailable) as error:
            self._store(entry, record)
            raise RefreshFailed(f"no token endpoint works ({error}); {NOTHING_LOST}") from None
        self._store(entry, fresh)
        self._record, self._failure = fresh, None
        logger.info("%s: refreshed", self.user)

    def _send(self, entry: Entry, claim: Record, application: Application) -> Record:
        """Spend the claimed token; return the record with what came for it, not yet stored."""

        def received(url: str, body: str) -> None:
            self._store(entry, replace(claim, endpoint=url, answer=body))

        def is_unspent() -> bool:
            now = self._auth_config.vault.read(self.user)
            return now is not None and now.sent == claim.sent

        url, pair = self._auth_config.endpoints.refresh(
            application, claim.refresh_token or "", claim.endpoint, received, is_unspent
        )
        return self._with(replace(claim, endpoint=url), pair)

    def _store(self, entry: Entry, record: Record) -> None:
        """Store what came of a refresh, with more patience than anything else deserves."""
        for wait in STORE_AGAIN:
            time.sleep(wait)
            try:
                entry.write(record)
            except StoreFailed as error:
                logger.error("%s: %s", self.user, error)
            else:
                return
        raise self._lost("the result of its refresh could not be stored")

    def _with(self, record: Record, pair: TokenPair) -> Record:
        # From the request on, not from parsing: a response may have waited in the vault.
        at = record.sent.at if record.sent else self._auth_config.clock()
        return renewed(
            record,
            access_token=pair.access_token,
            refresh_token=pair.refresh_token or record.refresh_token,
            expires_at=None if pair.expires_in is None else at + pair.expires_in,
            scopes=record.scopes if pair.scopes is None else pair.scopes,
            refreshed_at=at,
        )

    def _application(self, record: Record) -> Application:
        client_id = self._configured.client_id or record.client_id
        secret = self._configured.client_secret or record.client_secret
        if not client_id or not secret:
            raise RefreshFailed("client_id and client_secret are missing, so its token cannot be refreshed")
        return Application(client_id, secret, self._auth_config.basic)

    @property
    def _way(self) -> str:
        name = "" if self.user == DEFAULT else f" --user {quote(self.user)}"
        return f"run: {self._auth_config.login}{name}" if self._auth_config.login else "consent again"

    def _lost(self, why: str) -> ConsentLost:
        return ConsentLost(f"the consent is lost: {why}; {self._way}")


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _advice(error: Refused) -> str:
    if error.elsewhere:
        return "check client_id, client_secret and token_url"
    return NOTHING_LOST
