"""The accounts to collect: translates the collector's credential settings into the tap's."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_oura import accounts
from tap_oura.errors import OuraError

from oura_collector.settings import PROJECT, SettingsError

if TYPE_CHECKING:
    from pydantic import SecretStr
    from tap_oura.credentials.auth import AuthConfig

    from oura_collector.settings import Settings

CLIENT_VARIABLES = ("OURA_CLIENT_ID", "OURA_CLIENT_SECRET")

LOGIN = f"{sys.executable} {PROJECT / 'collect.py'} login"
"""As it can be typed in any folder."""


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment variables with the tap's credentials, by names that Meltano does not write into its files.

    Raises SettingsError.
    """
    config = tap_config(settings)
    variables = {
        "OURA_API_TOKEN": config["access_token"],
        "OURA_REFRESH_TOKEN": config["refresh_token"],
        "OURA_CLIENT_ID": config["client_id"],
        "OURA_CLIENT_SECRET": config["client_secret"],
        "OURA_ACCOUNTS": json.dumps(config["accounts"]) if config["accounts"] else None,
        "TAP_OURA_TOKEN_STORE": config["token_store"],
        "TAP_OURA_TOKEN_URL": config["token_url"],
        "TAP_OURA_LOGIN_COMMAND": config["login_command"],
        "TAP_OURA_SANDBOX": "true" if config["sandbox"] else None,
    }
    # What is empty here must not come through from a parent process either, nor from `.env`, where
    # `meltano config set` puts what a plain `meltano run` uses.
    others = {f"TAP_{name}": "" for name in ("OURA_ACCESS_TOKEN", "OURA_REFRESH_TOKEN", *CLIENT_VARIABLES)}
    return others | {name: value or "" for name, value in variables.items() if value or name.startswith("OURA_")}


def tap_config(settings: Settings) -> dict[str, Any]:
    """Return the tap's settings for its accounts. Raises SettingsError for an invalid USER_MAPPING."""
    named = list(_mapped(settings)) if settings.multi_user_mode else []
    return {**client_config(settings), "accounts": named, "sandbox": settings.tap_oura_sandbox}


def client_config(settings: Settings) -> dict[str, Any]:
    """Return the same without USER_MAPPING's accounts: an account that is no longer collected can be erased."""
    return {
        "api_url": settings.oura_api_url,
        "access_token": _plain(settings.oura_api_token),
        "refresh_token": _plain(settings.oura_refresh_token),
        "client_id": settings.oura_client_id,
        "client_secret": _plain(settings.oura_client_secret),
        "token_url": settings.oura_token_url,
        "token_store": _store(settings),
        "timeout_seconds": settings.api_timeout,
        "max_retries": settings.max_retries,
        "user_agent": "oura-collector",
        "login_command": LOGIN,
    }


def auth_config(settings: Settings) -> AuthConfig:
    """Return the token store and the endpoints. Raises SettingsError."""
    try:
        return accounts.auth_config(client_config(settings), time.time)
    except OuraError as error:
        raise SettingsError(str(error)) from None


def configured(settings: Settings) -> list[accounts.Account]:
    """Return the accounts in the settings and in the store. Raises SettingsError."""
    try:
        return list(accounts.configured(tap_config(settings), auth_config(settings)))
    except OuraError as error:
        raise SettingsError(str(error)) from None


def collected(settings: Settings) -> list[accounts.Account]:
    """Return the accounts that a run would collect. Raises SettingsError where there are none."""
    if found := configured(settings):
        return found
    raise SettingsError(f"no credentials: {next_step(settings)}, or try the simulator with 'make demo'")


def next_step(settings: Settings) -> str:
    """Return what to do while nobody is logged in. Oura issues tokens to applications only."""
    given = {"OURA_CLIENT_ID": settings.oura_client_id, "OURA_CLIENT_SECRET": settings.oura_client_secret}
    missing = [name for name, value in given.items() if not value]
    if not missing:
        return f"nobody is logged in yet; run '{LOGIN}'"
    first = "" if len(missing) < len(given) else "register an application at Oura (docs/credentials.md explains how), "
    return f"{first}set {' and '.join(missing)} in .env or in the environment, and run '{LOGIN}'"


def _store(settings: Settings) -> str:
    given = settings.oura_token_store
    if given and "://" in given:
        return given
    # The tap runs in another folder than whoever calls us.
    return str(Path(given or settings.data_dir / "credentials").expanduser().absolute())


def _mapped(settings: Settings) -> list[dict[str, str]]:
    text = _plain(settings.user_mapping) or ""
    entries: list[dict[str, str]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.strip().startswith("#"):
            continue
        user, _, token = (part.strip() for part in line.partition(":"))
        # A comma or a semicolon is no part of any token (RFC 6750), but may part accounts that stand on one line.
        if not user or len(user.split()) > 1 or any(mark in token for mark in " \t,;"):
            raise SettingsError(
                f"USER_MAPPING: line {number} is not 'user: token'; give each account a line of its own"
            )
        if any(entry["user"] == user for entry in entries):
            raise SettingsError(f"USER_MAPPING: line {number} repeats an account; remove one of the lines")
        entries.append({"user": user, **({"access_token": token} if token else {})})
    if not entries:
        raise SettingsError("USER_MAPPING: is empty although MULTI_USER_MODE is on; write lines of 'user: token'")
    return entries


def _plain(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
