"""Whose data is read, and with which credentials."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, Protocol

from tap_oura.credentials.auth import AuthConfig, Credentials
from tap_oura.credentials.endpoints import Endpoints, token_urls
from tap_oura.credentials.record import ConfiguredCredentials, Record
from tap_oura.credentials.stores import open_vault
from tap_oura.credentials.vault import DEFAULT
from tap_oura.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

PAIR = ("access_token", "refresh_token")
CLIENT = ("client_id", "client_secret")


class Tokens(Protocol):
    """What an account needs of its credentials."""

    @property
    def are_known(self) -> bool: ...

    @property
    def record(self) -> Record: ...

    def token(self) -> str: ...

    def renew(self, rejected: str) -> bool: ...

    def remember(self, user_id: str) -> None: ...


@dataclass(eq=False)
class Account:
    """One wearer. `user` is the name in every record and key; None until Oura was asked for its own id, once."""

    user: str | None
    credentials: Tokens = field(repr=False)
    is_named: bool = True
    """Whether the settings or a login gave it its name."""

    @property
    def label(self) -> str:
        """A name for logs, never a secret."""
        return self.user or "the only account"

    @property
    def token(self) -> str:
        """A token that should work, refreshed where it is due. Raises AccountFailed."""
        return self.credentials.token()


class Static:
    """A token that is what it is."""

    are_known = True

    def __init__(self, token: str) -> None:
        self._token = token
        self.record = Record(token)

    def token(self) -> str:
        return self._token

    def renew(self, rejected: str) -> bool:  # noqa: ARG002
        return False

    def remember(self, user_id: str) -> None:
        pass


def auth_config(config: Mapping[str, Any], clock: Callable[[], float]) -> AuthConfig:
    """Return how the accounts' tokens are kept and renewed. Raises SettingsError."""
    return AuthConfig(
        vault=open_vault(config.get("token_store") or default_store()),
        endpoints=Endpoints(
            token_urls(config.get("token_url"), config["api_url"]),
            connect=config["timeout_seconds"],
            patience=max(120, config["timeout_seconds"]),
            user_agent=config["user_agent"],
        ),
        basic=config.get("token_auth") == "basic",
        login=config.get("login_command"),
        clock=clock,
    )


def default_store() -> str:
    """Return the folder of a tap that is told nothing: where programs keep their data on this system."""
    return str(Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "tap-oura" / "credentials")


def configured(config: Mapping[str, Any], auth_config: AuthConfig) -> Iterator[Account]:
    """Yield the accounts: those of the settings' list alone; without a list the one of the settings and all logged in.

    Who is in the store because the settings once named them is not asked for again when they no longer do.
    """
    shared = {name: config.get(name) or None for name in CLIENT}  # A runner may hand on what is not set as empty.
    if config.get("sandbox"):
        for entry in config.get("accounts") or [{"user": None}]:
            yield Account(entry["user"] or "sandbox", Static("sandbox"), is_named=bool(entry["user"]))
        return
    if config.get("accounts"):
        for entry in config["accounts"]:
            own = {name: entry.get(name) or shared.get(name) or None for name in (*PAIR, *CLIENT)}
            yield Account(entry["user"], Credentials(entry["user"], ConfiguredCredentials(**own), auth_config))
        return
    only = ConfiguredCredentials(**shared, **{name: config.get(name) or None for name in PAIR})
    kept = {
        user: record
        for user in auth_config.vault.users()
        if (record := auth_config.vault.read(user)) and record.has_tokens
    }
    if only.digest and not any(only.digest in record.seeds for user, record in kept.items() if user != DEFAULT):
        kept.pop(DEFAULT, None)
        credentials = Credentials(DEFAULT, only, auth_config)
        yield Account(credentials.record.user_id, credentials, is_named=False)
    for user, record in kept.items():
        if not record.from_settings:
            name = record.user_id if user == DEFAULT else user
            yield Account(
                name, Credentials(user, ConfiguredCredentials(**shared), auth_config), is_named=user != DEFAULT
            )


def from_environment(config: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the credentials in the environment that the settings do not overrule.

    A runner such as Meltano writes the settings that it passes on into a file; the names read here pass it by.
    Raises SettingsError.
    """
    said = {
        "access_token": environment.get("OURA_API_TOKEN"),
        "refresh_token": environment.get("OURA_REFRESH_TOKEN"),
        "accounts": _accounts(environment.get("OURA_ACCOUNTS")),
        "client_id": environment.get("OURA_CLIENT_ID"),
        "client_secret": environment.get("OURA_CLIENT_SECRET"),
    }
    if any(config.get(name) for name in (*PAIR, "accounts")):
        said = {name: said[name] for name in CLIENT}
    return {name: value for name, value in said.items() if value and not config.get(name)}


def _accounts(text: str | None) -> Any:
    try:
        return json.loads(text or "[]")
    except ValueError:
        raise SettingsError("OURA_ACCOUNTS: is not JSON; write it as a list of objects with 'user'") from None


def missing_credentials(config: Mapping[str, Any], users: Sequence[str]) -> str:
    """Return the next step, a line per user or one for a tap without accounts."""
    if not users:
        return f"no credentials: {_next_step(config, config, '')}"
    entries = {entry["user"]: entry for entry in config.get("accounts") or []}
    steps = {user: _next_step(config, entries.get(user, {}), f" --user {quote(user)}") for user in users}
    return "\n".join(f"accounts: '{user}' has no credentials; {step}" for user, step in steps.items())


def _next_step(config: Mapping[str, Any], entry: Mapping[str, Any], whose: str) -> str:
    missing = [name for name in CLIENT if not (entry.get(name) or config.get(name))]
    login = f"run: {config['login_command']}{whose}"
    if not missing:
        return login
    first = "register an application at Oura, " if len(missing) == len(CLIENT) else ""
    return f"{first}set {' and '.join([*missing, login])}"
