"""`collect.py login` and `logout`."""

from __future__ import annotations

import secrets
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click
from tap_oura.accounts import Account, Static
from tap_oura.api.client import Client
from tap_oura.catalog.collections import COLLECTIONS
from tap_oura.credentials import consent
from tap_oura.credentials.oauth import Application
from tap_oura.credentials.record import ConfiguredCredentials
from tap_oura.credentials.vault import DEFAULT
from tap_oura.errors import OuraError

from oura_collector.accounts import redirect, tap_config
from oura_collector.settings import SettingsError

if TYPE_CHECKING:
    from tap_oura.credentials.record import Record

    from oura_collector.settings import Settings


def login(settings: Settings, user: str | None, paste: bool) -> None:
    """Ask a wearer for consent and store the tokens. Raises SettingsError."""
    auth_config, configured = tap_config.auth_config(settings), _configured(settings, user)
    _check(user)
    try:
        application = _application(settings, auth_config.vault.read(user or DEFAULT))
        page = consent.page(settings.oura_authorize_url, settings.oura_api_url)
        request = consent.Request(page, application, settings.oura_redirect_uri, secrets.token_urlsafe(24))
        answer = None if paste else redirect.receive(request)
        if answer is None:
            answer = _pasted(request)
        client = Client.from_settings(tap_config.client_config(settings))
        record = consent.first_record(
            auth_config.endpoints, request, answer, lambda token: client.own_id(Account(None, Static(token)))
        )
        name = consent.keep(auth_config.vault, user, record, configured)
    except OuraError as error:
        raise SettingsError(f"login: {error}") from None
    click.echo(f"\nLogged in: {record.user_id if name == DEFAULT else name}")
    show_scopes(record)
    if settings.multi_user_mode and name not in [account.user for account in tap_config.configured(settings)]:
        click.echo(f"USER_MAPPING does not name '{name}': add a line with this name, otherwise it is not collected.")


def logout(settings: Settings, user: str | None) -> None:
    """Revoke the consent at Oura and remove the tokens. Raises SettingsError."""
    vault = tap_config.auth_config(settings).vault
    try:
        names = vault.users()
    except OuraError as error:
        raise SettingsError(f"logout: {error}") from None
    name = user or (names[0] if len(names) == 1 else None)
    if name is None or name not in names:
        known = ", ".join(names) or "none"
        raise SettingsError(f"logout: name the account with --user; the token store has: {known}")
    revoked = forget(settings, name)
    click.echo(
        f"Logged out: {name}" + ("" if revoked else " (Oura did not confirm; the wearer can revoke the consent there)")
    )
    with suppress(SettingsError):  # The last account may have been taken out of USER_MAPPING.
        if _configured(settings, name).digest:
            click.echo("The settings still contain a token of this account: remove it too.")


def forget(settings: Settings, name: str) -> bool:
    """Revoke a consent, remove its tokens, and return whether Oura confirmed it. Raises SettingsError."""
    try:
        with tap_config.auth_config(settings).vault.open(name) as entry:
            revoked = entry.record is not None and _revoked(settings, entry.record)
            entry.remove()
    except OuraError as error:
        raise SettingsError(f"logout: {error}") from None
    return revoked


def show_scopes(record: Record) -> None:
    """Print the granted scopes and the collections that they exclude."""
    if record.scopes is None:
        click.echo("Oura did not send the granted scopes; the first run will show them.")
        return
    click.echo(f"Granted: {' '.join(record.scopes) or 'nothing'}")
    closed = [
        f"{each.name} ({each.scope.split()[0]})" for each in COLLECTIONS.values() if not each.is_open(record.scopes)
    ]
    if closed:
        click.echo("Without their scope, these collections stay empty: " + ", ".join(closed))


def _check(user: str | None) -> None:
    if user is not None and (not user.strip() or "@" in user):
        raise SettingsError("--user: choose a name that is not an e-mail address; it is in every row")


def _configured(settings: Settings, user: str | None) -> ConfiguredCredentials:
    """The pair in the settings that the account's new consent outlives."""
    config = tap_config.tap_config(settings)
    own = next((entry for entry in config["accounts"] if entry["user"] == user), {}) if user else config
    return ConfiguredCredentials(own.get("access_token"), own.get("refresh_token"))


def _application(settings: Settings, record: Record | None) -> Application:
    config = tap_config.client_config(settings)
    client_id = config["client_id"] or (record.client_id if record else None)
    secret = config["client_secret"] or (record.client_secret if record else None)
    if not client_id or not secret:
        raise SettingsError(
            "login: set OURA_CLIENT_ID and OURA_CLIENT_SECRET, of the application that you registered at Oura"
        )
    return Application(client_id, secret)


def _revoked(settings: Settings, record: Record) -> bool:
    token = record.access_token or record.refresh_token
    auth_config = tap_config.auth_config(settings)
    urls = [record.endpoint] if record.endpoint else auth_config.endpoints.urls
    try:
        application = _application(settings, record)
    except SettingsError:  # Without the client the grant cannot be revoked; the tokens are removed nevertheless.
        return False
    return bool(token) and any(auth_config.endpoints.at(url).revoke(application, token or "") for url in urls)


def _pasted(request: consent.Request) -> str:
    click.echo(f"Open this page in any browser, on any machine, and allow access:\n\n  {request.url}\n")
    click.echo("The browser then opens an address that may not load. Copy that address from the address bar.")
    return str(click.prompt("Address", hide_input=sys.stdin.isatty(), default="", show_default=False))
