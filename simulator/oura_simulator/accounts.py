"""Accounts by number: names, credentials and clients, all derived, none stored."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from oura_simulator.settings import Settings

Provider = Literal["legacy", "modern"]
TOKEN_PATHS: dict[Provider, str] = {"legacy": "/oauth/token", "modern": "/oauth/v2/ext/oauth-token"}


class AccountInfo(TypedDict):
    """An account as `serve --json` and the admin route show it."""

    user: str
    token: str
    client_id: str
    client_secret: str
    refresh_token: str
    token_url: str
    timezone: str


@dataclass(frozen=True)
class Account:
    """Account `number` with everything that an application needs to act for it."""

    number: int
    user: str
    token: str
    client_id: str
    client_secret: str
    refresh_token: str
    timezone: str

    def described(self, url: str, provider: Provider) -> AccountInfo:
        return {
            "user": self.user,
            "token": self.token,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "refresh_token": self.refresh_token,
            "token_url": url + TOKEN_PATHS[provider],
            "timezone": self.timezone,
        }


class Accounts:
    """All accounts of a simulator, each created on first use."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.count = settings.accounts

    def __getitem__(self, number: int) -> Account:
        return Account(
            number=number,
            user=f"user-{number}",
            token=f"token-{number}",
            client_id=f"client-{number}",
            client_secret=self.secret("client secret", number),
            refresh_token=self._first_refresh_token(number),
            timezone=self.timezone(number),
        )

    def timezone(self, number: int) -> str:
        zones = self._settings.timezones
        return zones[(number - 1) % len(zones)]

    def numbers(self) -> range:
        return range(1, self.count + 1)

    def number(self, name: str, prefix: str = "user-") -> int | None:
        """The number in a name such as `user-3`, `token-3` or `client-3`; None when there is no such account."""
        digits = name.removeprefix(prefix)
        if not name.startswith(prefix) or not digits.isascii() or not digits.isdigit() or digits.startswith("0"):
            return None
        return int(digits) if int(digits) <= self.count else None

    def _first_refresh_token(self, number: int) -> str:
        return f"{number:x}-{self.secret('refresh token', number)}"

    def owner_of_refresh_token(self, text: str) -> int | None:
        """Return the account whose first refresh token this is; None if there is none."""
        try:
            number = int(text.partition("-")[0], 16)
        except ValueError:
            return None
        return number if 1 <= number <= self.count and text == self._first_refresh_token(number) else None

    def secret(self, kind: str, *name: object) -> str:
        """Return a secret that looks random and depends on the seed and the name only."""
        text = "|".join(map(str, (self._settings.seed, kind, *name)))
        return blake2b(text.encode(), digest_size=20).hexdigest()
