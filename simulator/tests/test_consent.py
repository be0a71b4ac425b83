"""The consent page, and the codes it gives."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

if TYPE_CHECKING:
    from .conftest import Oura

LEGACY, MODERN = "/oauth/token", "/oauth/v2/ext/oauth-token"
# Odd accounts have clients of the old portal, even ones of the new.
OLD, NEW = 1, 2


def consent(
    oura: Oura, number: int = OLD, decision: str = "allow", scopes: Any = ("daily", "heartrate"), **parameters: Any
) -> Any:
    """Opens the page, fills the form in, and returns where the browser is sent."""
    query = {
        "response_type": "code",
        "client_id": f"client-{number}",
        "redirect_uri": "http://localhost:1234/callback",
        "state": "s t&te",
        **parameters,
    }
    page = oura.client.request("GET", "/oauth/authorize", query)
    assert page.status == 200, page.text
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    hidden["state"] = query["state"]
    form = [*hidden.items(), ("user", f"user-{number}"), ("decision", decision), *(("scopes", s) for s in scopes)]
    answer = oura.post("/oauth/authorize", form)
    assert answer.status == 302
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def exchange(oura: Oura, code: str, number: int = OLD, path: str = LEGACY, **changes: Any) -> Any:
    known = oura.account(number)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": "http://localhost:1234/callback",
        "client_id": known["client_id"],
        "client_secret": known["client_secret"],
    }
    return oura.post(path, form | changes)


def test_the_old_endpoint_refuses_a_new_clients_code_with_401(oura: Oura) -> None:
    code = consent(oura, NEW)["code"]

    assert exchange(oura, code, NEW, LEGACY).status == 401


def test_consent_gives_a_code_for_the_chosen_scopes(oura: Oura) -> None:
    sent = consent(oura)
    answer = exchange(oura, sent["code"]).json()
    statuses = {
        name: oura.get(f"/v2/usercollection/{name}", token=answer["access_token"]).status
        for name in ("sleep", "heartrate", "workout")
    }

    assert (sent["state"], sent["scope"]) == ("s t&te", "daily heartrate")
    assert statuses == {"sleep": 200, "heartrate": 200, "workout": 401}


def test_the_consent_page_offers_the_requested_scopes(oura: Oura) -> None:
    query = {"client_id": "client-1", "redirect_uri": "http://localhost/", "scope": "extapi:daily unheard tag"}
    page = oura.client.request("GET", "/oauth/authorize", query).text

    assert re.findall(r'name="scopes" value="(\w+)"', page) == ["daily", "tag"]


def test_a_refusal_is_passed_to_the_application(oura: Oura) -> None:
    assert consent(oura, decision="deny") == {"error": "access_denied", "state": "s t&te"}


def test_a_code_works_once(oura: Oura) -> None:
    code = consent(oura)["code"]

    assert [exchange(oura, code).status for _ in range(2)] == [200, 400]


def test_a_code_expires_after_ten_minutes(oura: Oura) -> None:
    code = consent(oura)["code"]
    oura.now("2026-04-15T16:10:00Z")

    assert exchange(oura, code).json()["error"] == "invalid_grant"


def test_the_redirect_must_be_the_one_that_was_authorized(oura: Oura) -> None:
    code = consent(oura)["code"]

    assert exchange(oura, code, redirect_uri="http://localhost:1/").json()["error"] == "invalid_redirect_uri"


def test_pkce_is_optional_but_must_match(oura: Oura) -> None:
    challenge = urlsafe_b64encode(sha256(b"verifier").digest()).decode().rstrip("=")
    codes = [consent(oura, code_challenge=challenge, code_challenge_method="S256")["code"] for _ in range(2)]

    assert exchange(oura, codes[0], code_verifier="verifier").status == 200
    assert exchange(oura, codes[1], code_verifier="wrong").status == 400


@pytest.mark.parametrize(
    "query",
    [
        {"client_id": "nobody", "redirect_uri": "http://localhost/"},
        {"client_id": "client-1"},
        {"client_id": "client-1", "redirect_uri": "javascript:alert(1)"},
        {"client_id": "client-1", "redirect_uri": "http://localhost/", "response_type": "token"},
    ],
)
def test_an_invalid_consent_request_is_refused_on_the_page(oura: Oura, query: Any) -> None:
    assert oura.client.request("GET", "/oauth/authorize", query).status == 400
