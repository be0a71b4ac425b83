"""The protocol: Oura's consent page, its two token endpoints, revocation. Stores nothing and decides nothing.

oauthlib builds requests and parses responses; whether a request without a response took effect is reported
here as exactly as can be known, because a refresh token works only once.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import requests
import urllib3
from oauthlib.oauth2 import OAuth2Error, WebApplicationClient

from tap_oura.transport import Answer, Session

if TYPE_CHECKING:
    from collections.abc import Callable

REVOKE_PATHS = {"/oauth/v2/ext/oauth-token": "/oauth/v2/ext/oauth/revoke", "/oauth/token": "/oauth/revoke"}

SCOPES = (
    *("email", "personal", "daily", "heartrate", "workout", "tag"),
    *("session", "spo2", "stress", "heart_health", "ring_configuration"),
)
"""What to ask for, so that no collection stays closed."""

PREFIX = "extapi:"

MOST_OF_AN_ANSWER = 64 * 1024
"""Bytes of a token endpoint's answer, which has some thousand; no secret in AWS could keep more."""


class NotSent(Exception):
    """No connection was made, so the request was not sent."""


class NotAnswered(Exception):
    """The request was sent without a complete response: whether it took effect is unknown."""


class Unavailable(Exception):
    """The endpoint returned 5xx."""


class Refused(Exception):
    """The endpoint refused. `error` is OAuth's error code; `elsewhere` is whether another endpoint may accept."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(f"{status} {error}".strip())
        self.error = error
        self.elsewhere = status in (400, 401) and error != "invalid_grant"


class Unreadable(Exception):
    """A successful response could not be parsed."""


@dataclass(frozen=True)
class TokenPair:
    """What a token endpoint grants. `expires_in` seconds or None; `scopes` without their prefix, or None."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_in: int | None
    scopes: tuple[str, ...] | None


@dataclass(frozen=True)
class Application:
    """The application registered at Oura. `basic` sends its credentials as HTTP Basic instead of in the form."""

    client_id: str
    client_secret: str = field(repr=False)
    basic: bool = False


@dataclass(frozen=True)
class Endpoint:
    """A token endpoint; `connect` and `patience` are timeouts in seconds.

    An abandoned response would cost the consent, so `patience` is much longer than the timeout for data.
    """

    url: str
    connect: float = 30
    patience: float = 120
    user_agent: str = "tap-oura"

    def refresh(self, application: Application, refresh_token: str, received: Callable[[str], None]) -> TokenPair:
        """Use the refresh token. `received` gets the body of a success before it is parsed.

        Raises NotSent, NotAnswered, Unavailable, Refused, Unreadable.
        """
        client = WebApplicationClient(application.client_id)
        body = client.prepare_refresh_body(refresh_token=refresh_token, **_in_form(application))
        answer = self._post(application, body)
        received(answer)
        return read(answer)

    def exchange(self, application: Application, code: str, redirect_uri: str) -> TokenPair:
        """Exchange the code of a consent for the first token pair. Raises as `refresh` does."""
        client = WebApplicationClient(application.client_id)
        secret = {} if application.basic else {"client_secret": application.client_secret}
        body = client.prepare_request_body(
            code=code, redirect_uri=redirect_uri, include_client_id=not application.basic, **secret
        )
        return read(self._post(application, body))

    def revoke(self, application: Application, token: str) -> bool:
        """Revoke the token's grant. Returns whether Oura confirmed; a lost grant needs no revoking."""
        parts = urlsplit(self.url)
        path = next((revoke for path, revoke in REVOKE_PATHS.items() if parts.path == path), "/oauth/revoke")
        query = {"access_token": token} if path == "/oauth/revoke" else {}
        try:
            with Session(self.user_agent) as session:
                answer = session.ask(
                    "POST",
                    parts._replace(path=path, query=urlencode(query)).geturl(),
                    data={
                        "token": token,
                        "client_id": application.client_id,
                        "client_secret": application.client_secret,
                    },
                    timeout=self.connect,
                    within=2 * self.connect,
                    most=MOST_OF_AN_ANSWER,
                )
        except requests.RequestException:
            return False
        return 200 <= answer.status < 300

    def _post(self, application: Application, body: str) -> str:
        auth = (application.client_id, application.client_secret) if application.basic else None
        try:
            # A new connection: an old one that Oura has closed meanwhile would look like a lost response.
            with Session(self.user_agent) as session:
                answer = session.ask(
                    "POST",
                    self.url,
                    data=body,
                    auth=auth,
                    headers={"Content-Type": "application/x-www-form-urlencoded"},
                    timeout=(self.connect, self.patience),
                    # Whoever else waits for this refresh believes it lost a little later.
                    within=self.connect + self.patience,
                    most=MOST_OF_AN_ANSWER,
                )
        except requests.RequestException as error:
            # The exception's text may contain the request; its class is enough.
            raise (NotSent if _never_left(error) else NotAnswered)(type(error).__name__) from None
        if answer.status >= 500:
            raise Unavailable(str(answer.status))
        if answer.status != 200:
            raise Refused(answer.status, _error(answer))
        return answer.body.decode(errors="replace")


def read(body: str) -> TokenPair:
    """Return the token pair in the body of a success. Raises Unreadable."""
    try:
        token = WebApplicationClient("").parse_request_body_response(body)
        access_token, refresh_token = token["access_token"], token.get("refresh_token")
        expires_in = int(token.get("expires_in") or 0)
        scopes = token.get("scope")
        granted = None if scopes is None else stripped(scopes)
    except (OAuth2Error, ValueError, TypeError, AttributeError, KeyError, OverflowError, RecursionError):
        raise Unreadable("the response contains no access token") from None
    if not isinstance(access_token, str) or not isinstance(refresh_token, str | None):
        raise Unreadable("the tokens of the response are not text")
    return TokenPair(access_token, refresh_token, expires_in if expires_in > 0 else None, granted)


def stripped(scopes: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """Return the scopes without the newer provider's prefix, in order."""
    return tuple(sorted({scope.removeprefix(PREFIX) for scope in scopes if scope}))


def _in_form(application: Application) -> dict[str, Any]:
    if application.basic:
        return {}
    return {"client_id": application.client_id, "client_secret": application.client_secret}


def _error(answer: Answer) -> str:
    body = answer.json()
    error = body.get("error") if isinstance(body, dict) else None
    # Only an OAuth error code is repeated; free text might quote the request.
    return error if isinstance(error, str) and error.isidentifier() and len(error) < 40 else ""


def _never_left(error: requests.RequestException) -> bool:
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return True
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", None)
    if isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError):
        return True
    # A certificate is looked at before the first byte of the request.
    seen = reason.args[0] if isinstance(reason, urllib3.exceptions.SSLError) and reason.args else None
    return isinstance(seen, ssl.SSLCertVerificationError)
