"""The wearer's consent: the page to open in a browser, its redirect, and where the first token pair is stored."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from oauthlib.common import add_params_to_uri

from tap_oura.credentials.endpoints import OURA
from tap_oura.credentials.oauth import (
    SCOPES,
    Application,
    NotAnswered,
    NotSent,
    Refused,
    Unavailable,
    Unreadable,
    stripped,
)
from tap_oura.credentials.record import ConfiguredCredentials, Record, digest
from tap_oura.credentials.vault import DEFAULT
from tap_oura.errors import OuraError, listing
from tap_oura.transport import without_userinfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_oura.credentials.endpoints import Endpoints
    from tap_oura.credentials.vault import Vault

OURA_PAGE = "https://cloud.ouraring.com/oauth/authorize"
PAGE_PATH = "/oauth/authorize"


class ConsentFailed(OuraError):
    """There is no consent, or it could not be used. Nothing was changed."""

    reason = "consent"


class NotTheAnswer(ConsentFailed):
    """This URL is not the answer to this request, which may still come. `why` is a sentence."""

    def __init__(self, why: str) -> None:
        super().__init__(f"{why}; paste the whole address, from http to its end, or run login again")
        self.why = why


@dataclass(frozen=True)
class Request:
    """A request for consent. `state` is a secret of ours that the redirect must return."""

    page: str
    application: Application
    redirect_uri: str
    state: str

    @property
    def url(self) -> str:
        """The URL of the consent page with the request's parameters."""
        parameters = {
            "response_type": "code",
            "client_id": self.application.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(SCOPES),
            "state": self.state,
        }
        return str(add_params_to_uri(self.page, list(parameters.items())))

    def answer(self, redirect: str) -> tuple[str, tuple[str, ...] | None]:
        """Return the code and the granted scopes (None if not named) of the redirect.

        Raises NotTheAnswer, and ConsentFailed for an answer without consent.
        """
        try:
            query = urlsplit(redirect.strip()).query
        except ValueError:
            raise NotTheAnswer("this is not an address") from None
        received = {name: values[-1] for name, values in parse_qs(query).items()}
        if "state" not in received:
            raise NotTheAnswer("the address has no 'state'")
        if received["state"] != self.state:
            raise NotTheAnswer("the address is of another login (its 'state' differs)")
        if received.get("error") == "access_denied":
            raise ConsentFailed("the consent was refused; nothing was changed")
        if "error" in received:
            raise ConsentFailed(f"the consent page reports the error '{listing([received['error']], 1)}'")
        if "code" not in received:
            raise NotTheAnswer("the address contains no code")
        return received["code"], stripped(received["scope"].split()) if "scope" in received else None


def page(configured: str | None, api_url: str) -> str:
    """Return the URL of the consent page: the configured one, else that of the API's host."""
    host = without_userinfo(api_url).rstrip("/")
    return configured or (OURA_PAGE if host == OURA else host + PAGE_PATH)


def first_record(endpoints: Endpoints, request: Request, redirect: str, own_id: Callable[[str], str]) -> Record:
    """Exchange the redirect's code for an account's credentials. `own_id` returns Oura's user id of a token.

    Raises ConsentFailed.
    """
    code, scopes = request.answer(redirect)
    now = time.time()
    try:
        url, pair = endpoints.exchange(request.application, code, request.redirect_uri)
    except Refused as error:
        raise ConsentFailed(
            f"the token endpoint rejects the code ({error}); check client id, secret, redirect address and token URL, "
            "then run login again"
        ) from None
    except (NotSent, NotAnswered, Unavailable, Unreadable) as error:
        raise ConsentFailed(f"the token endpoint sent no tokens ({error}); run login again") from None
    try:
        user_id = own_id(pair.access_token)
    except OuraError as error:
        raise ConsentFailed(f"Oura does not say whose consent this is ({error}); run login again") from None
    return Record(
        pair.access_token,
        pair.refresh_token,
        expires_at=None if pair.expires_in is None else now + pair.expires_in,
        scopes=scopes if pair.scopes is None else pair.scopes,
        endpoint=url,
        user_id=user_id,
        refreshed_at=now,
    )


def keep(vault: Vault, user: str | None, record: Record, configured: ConfiguredCredentials) -> str:
    """Store a new consent and return the entry's name: the given one, else Oura's user id.

    The only account of the settings (`configured`) keeps its entry, and the token pair there is superseded. Raises
    ConsentFailed if the named account belongs to another wearer.
    """
    before = vault.read(DEFAULT) if configured.digest and not user else None
    is_only = bool(configured.digest) and not user and (before is None or before.user_id in (None, record.user_id))
    name = user or (DEFAULT if is_only else str(record.user_id))
    with vault.open(name) as entry:
        old = entry.record or Record()
        if old.user_id not in (None, record.user_id):
            raise ConsentFailed(f"'{name}' belongs to another wearer; log it out first, or choose another name")
        outlived = filter(None, (*old.seeds, digest(old.access_token, old.refresh_token), configured.digest))
        kept = {"client_id": old.client_id, "client_secret": old.client_secret, "from_settings": is_only}
        entry.write(Record(**{**vars(record), **kept, "seeds": tuple(dict.fromkeys(outlived))}))
    return name
