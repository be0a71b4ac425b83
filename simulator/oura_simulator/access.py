"""Access: bearer tokens, grants, scopes and membership."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from oura_simulator import responses
from oura_simulator.collections import SCOPES, Collection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oura_simulator.accounts import Accounts, Provider
    from oura_simulator.clock import Clock


@dataclass
class Grant:
    """One consent of one account to one client. `refresh_token` is its only valid one."""

    account: int
    client_id: str
    scopes: frozenset[str]
    refresh_token: str
    access_tokens: dict[str, int | None] = field(default_factory=dict)
    """By token: epoch seconds of its end; None when it was given without one."""


@dataclass(frozen=True)
class Caller:
    account: int
    scopes: frozenset[str]


class Access:
    """The state of all tokens, which can change while the simulator runs."""

    def __init__(self, accounts: Accounts, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        self._by_access: dict[str, Grant] = {}
        self._by_refresh: dict[str, Grant] = {}
        self._first_spent: set[int] = set()
        self._scopes: dict[int, frozenset[str]] = {}
        self._revoked: set[int] = set()
        self._lapsed: set[int] = set()
        self._providers: dict[int, Provider] = {}
        self._issued = 0

    # Who is asking

    def identify(self, token: str) -> int | None:
        """Return the account that a token was made for, valid or not; None for an unknown token."""
        number = self._accounts.number(token, "token-")
        grant = self._by_access.get(token)
        return grant.account if grant else number

    def caller(self, authorization: str | None) -> Caller:
        """Return the caller. Raises Refusal: 400 without a token, 401 with an invalid one, 403 without a membership."""
        if not authorization:
            raise responses.missing_token()
        scheme, _, token = authorization.partition(" ")
        account = self.identify(token)
        if scheme.lower() != "bearer" or account is None or account in self._revoked:
            raise responses.dead_token()
        grant = self._by_access.get(token)
        scopes = self.scopes(account)
        if grant:
            end = grant.access_tokens[token]
            if end is not None and end <= self._clock.epoch():
                raise responses.dead_token()
            scopes &= grant.scopes
        if account in self._lapsed:
            raise responses.no_membership()
        return Caller(account, scopes)

    @staticmethod
    def demand(caller: Caller, collection: Collection) -> None:
        """Raise Refusal 401, worded like Oura's, unless one of the collection's scopes is granted."""
        if collection.scopes and not caller.scopes.intersection(collection.scopes):
            raise responses.missing_scope(collection.scopes[0])

    # What the account allows

    def scopes(self, account: int) -> frozenset[str]:
        return self._scopes.get(account, frozenset(SCOPES))

    def set_scopes(self, account: int, scopes: Iterable[str]) -> None:
        self._scopes[account] = frozenset(scopes)

    def revoke_account(self, account: int) -> None:
        """Invalidate all its tokens, the static one too, until it is restored."""
        self._revoked.add(account)

    def restore_account(self, account: int) -> None:
        self._revoked.discard(account)

    def is_revoked(self, account: int) -> bool:
        return account in self._revoked

    def set_membership(self, account: int, active: bool) -> None:
        (self._lapsed.discard if active else self._lapsed.add)(account)

    def expire(self, account: int) -> int:
        """Expire the account's access tokens now. Returns how many."""
        tokens = [(grant, token) for token, grant in self._by_access.items() if grant.account == account]
        for grant, token in tokens:
            grant.access_tokens[token] = 0
        return len(tokens)

    def provider(self, account: int) -> Provider:
        """Return where the account's client is registered: alternately on the old portal and the new one."""
        return self._providers.get(account, "legacy" if account % 2 else "modern")

    def set_provider(self, account: int, provider: Provider) -> None:
        self._providers[account] = provider

    # Grants

    def grant(self, account: int, client_id: str, scopes: Iterable[str]) -> Grant:
        """A new consent, with its first refresh token."""
        grant = Grant(account, client_id, frozenset(scopes), self._fresh("refresh"))
        self._by_refresh[grant.refresh_token] = grant
        return grant

    def grant_of(self, refresh_token: str) -> Grant | None:
        """Return the grant of a refresh token; None if it is used, revoked or unknown."""
        found = self._by_refresh.get(refresh_token)
        if found is None:
            found = self._first_grant(refresh_token)
        return None if found is None or found.account in self._revoked else found

    def _first_grant(self, refresh_token: str) -> Grant | None:
        """The consent each account begins with. Which account a text belongs to is in its first characters."""
        number = self._accounts.owner_of_refresh_token(refresh_token)
        if number is None or number in self._first_spent:
            return None
        grant = Grant(number, self._accounts[number].client_id, frozenset(SCOPES), refresh_token)
        self._by_refresh[refresh_token] = grant
        return grant

    def rotate(self, grant: Grant) -> None:
        """Replace the refresh token; the old one is invalid from now on."""
        del self._by_refresh[grant.refresh_token]
        self._first_spent.add(grant.account)
        grant.refresh_token = self._fresh("refresh")
        self._by_refresh[grant.refresh_token] = grant

    def issue(self, grant: Grant, expires_in: int | None) -> str:
        """A new access token; `expires_in` seconds, None for one without an end."""
        now = self._clock.epoch()
        for token, end in list(grant.access_tokens.items()):
            if end is not None and end <= now:
                del grant.access_tokens[token], self._by_access[token]
        token = self._fresh("access")
        grant.access_tokens[token] = None if expires_in is None else now + expires_in
        self._by_access[token] = grant
        return token

    def end_grant(self, token: str) -> bool:
        """Revoke the grant that an access or refresh token belongs to. Returns whether there was one."""
        grant = self._by_access.get(token) or self.grant_of(token)
        if grant is None:
            return False
        for access_token in grant.access_tokens:
            del self._by_access[access_token]
        self._by_refresh.pop(grant.refresh_token, None)
        self._first_spent.add(grant.account)
        return True

    def _fresh(self, kind: str) -> str:
        self._issued += 1
        return self._accounts.secret(kind, self._issued)
