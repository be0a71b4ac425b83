"""Tokens, scopes and membership: what is refused, and in which words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from oura_simulator.collections import COLLECTIONS, SCOPES

if TYPE_CHECKING:
    from .conftest import Oura

WORDING = "Token is not authorized access {} scope."


def test_a_request_without_a_token_is_400(oura: Oura) -> None:
    answer = oura.client.request("GET", "/v2/usercollection/sleep")

    assert (answer.status, "Missing auth token" in answer.json()["detail"]) == (400, True)


@pytest.mark.parametrize("token", ["nonsense", "token-0", "token-4", "token-01", "token-", "token-1x"])
def test_an_unknown_token_is_401(oura: Oura, token: Any) -> None:
    answer = oura.get("/v2/usercollection/sleep", token=token)

    assert answer.status == answer.json()["status"] == 401
    assert "scope" not in answer.text


def test_another_authorization_scheme_is_401(oura: Oura) -> None:
    assert (
        oura.client.request("GET", "/v2/usercollection/sleep", headers={"authorization": "Basic token-1"}).status == 401
    )


@pytest.mark.parametrize("collection", [name for name, row in COLLECTIONS.items() if row.scopes])
def test_each_collection_needs_its_scope(oura: Oura, collection: str) -> None:
    row = COLLECTIONS[collection]
    oura.admin("POST", "scopes", {"user": "user-1", "scopes": [s for s in SCOPES if s not in row.scopes]})

    answer = oura.page(collection)

    assert (answer.status, answer.json()) == (401, {"detail": WORDING.format(row.scopes[0])})
    assert oura.page(collection, user=2).status == 200


@pytest.mark.parametrize("scope", ["daily", "stress"])
def test_stress_accepts_either_of_two_scopes(oura: Oura, scope: Any) -> None:
    oura.admin("POST", "scopes", {"user": "user-1", "scopes": [scope]})

    assert oura.page("daily_stress").status == 200


def test_a_single_document_needs_the_scope_too(oura: Oura) -> None:
    document = oura.truth("workout")[0]
    oura.admin("POST", "scopes", {"user": "user-1", "scopes": ["daily"]})

    assert oura.document("workout", document["id"]).json() == {"detail": WORDING.format("workout")}


@pytest.mark.parametrize(
    ("scopes", "fields"),
    [
        ([], {"id"}),
        (["email"], {"id", "email"}),
        (["personal"], {"id", "age", "weight", "height", "biological_sex"}),
        (["personal", "email"], {"id", "age", "weight", "height", "biological_sex", "email"}),
    ],
)
def test_personal_info_has_only_the_fields_of_the_granted_scopes(oura: Oura, scopes: Any, fields: Any) -> None:
    oura.admin("POST", "scopes", {"user": "user-1", "scopes": scopes})

    assert set(oura.page("personal_info").json()) == fields


def test_a_lapsed_membership_is_403(oura: Oura) -> None:
    oura.admin("POST", "membership", {"user": "user-1", "active": False})
    lapsed = oura.page("sleep").status
    oura.admin("POST", "membership", {"user": "user-1", "active": True})

    assert (lapsed, oura.page("sleep").status) == (403, 200)


def test_a_revoked_account_is_refused_until_restored(oura: Oura) -> None:
    oura.admin("POST", "revoke", {"user": "user-1"})
    revoked = oura.page("sleep").status
    others = oura.page("sleep", user=2).status
    oura.admin("POST", "restore", {"user": "user-1"})

    assert (revoked, others, oura.page("sleep").status) == (401, 200, 200)


def test_every_response_has_a_trace_header(oura: Oura) -> None:
    assert oura.page("sleep").headers["x-trace-id"] != oura.page("sleep").headers["x-trace-id"]
