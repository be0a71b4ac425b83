"""`tap-oura login`: a wearer's consent at Oura, whose result is pasted, becomes the account's first token pair."""

from __future__ import annotations

import secrets
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from tap_oura import accounts
from tap_oura.api.client import Client
from tap_oura.credentials import consent
from tap_oura.credentials.oauth import Application
from tap_oura.credentials.record import ConfiguredCredentials, Record
from tap_oura.credentials.vault import DEFAULT
from tap_oura.errors import OuraError, SettingsError
from tap_oura.text import is_text

if TYPE_CHECKING:
    from collections.abc import Mapping

REDIRECT_URI = "http://localhost:8765/callback"


def login(config: Mapping[str, Any], user: str | None, *, authorize_url: str | None, redirect_uri: str) -> None:
    """Ask a wearer for consent and store the tokens, of the account `user` or of one named by Oura's user id.

    `authorize_url` None means the documented consent page. Raises SettingsError; then nothing was stored.
    """
    if config.get("sandbox"):
        raise SettingsError("login: the sandbox accepts any token; set sandbox to false")
    if user is not None and (not user.strip() or "@" in user or not is_text(user)):
        raise SettingsError("--user: choose a name that is not an e-mail address; it is in every record")
    for option, url in (("--redirect-uri", redirect_uri), ("--authorize-url", authorize_url)):
        if url and not url.startswith(("http://", "https://")):
            raise SettingsError(f"{option}: must begin with http:// or https://")
    named = {entry["user"]: entry for entry in config.get("accounts") or ()}
    own = named.get(user, {}) if user else config
    try:
        auth_config = accounts.auth_config(config, time.time)
        application = _application(own, config, auth_config.vault.read(user or DEFAULT), basic=auth_config.basic)
        page = consent.page(authorize_url, config["api_url"])
        request = consent.Request(page, application, redirect_uri, secrets.token_urlsafe(24))
        client = Client.from_settings(config)
        record = consent.first_record(
            auth_config.endpoints,
            request,
            _pasted(request),
            lambda token: client.own_id(accounts.Account(None, accounts.Static(token))),
        )
        configured = ConfiguredCredentials(own.get("access_token"), own.get("refresh_token"))
        name = consent.keep(auth_config.vault, user, record, configured)
    except OuraError as error:
        raise SettingsError(f"login: {error}") from None
    click.echo(f"\nLogged in: {record.user_id if name == DEFAULT else name}")
    if record.scopes is not None:
        click.echo(f"Granted: {' '.join(record.scopes) or 'nothing'}")
    if named and name not in named:
        click.echo(f"The setting accounts does not name '{name}': add it, otherwise it is not read.")


def _application(
    own: Mapping[str, Any], config: Mapping[str, Any], record: Record | None, *, basic: bool
) -> Application:
    kept = vars(record or Record())
    client_id, secret = (own.get(name) or config.get(name) or kept[name] for name in accounts.CLIENT)
    if not client_id or not secret:
        raise SettingsError("set client_id and client_secret, of the application that you registered at Oura")
    return Application(client_id, secret, basic)


def _pasted(request: consent.Request) -> str:
    click.echo(f"Open this page in any browser, on any machine, and allow access:\n\n  {request.url}\n")
    click.echo("The browser then opens an address that may not load. Copy that address from the address bar.")
    try:
        # The address contains the code, so a terminal does not show it.
        return str(click.prompt("Address", hide_input=sys.stdin.isatty(), default="", show_default=False))
    except click.Abort:
        raise SettingsError("no address was pasted; nothing was changed") from None
