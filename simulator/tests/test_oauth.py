"""OAuth2: two token endpoints, and refresh tokens that work once."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Oura

NOW = datetime(2026, 4, 15, 16, tzinfo=UTC)
LEGACY, MODERN = "/oauth/token", "/oauth/v2/ext/oauth-token"
# Odd accounts have clients of the old portal, even ones of the new.
OLD, NEW = 1, 2


@pytest.mark.parametrize(("number", "path"), [(OLD, LEGACY), (NEW, MODERN)])
def test_a_refresh_returns_a_working_token_and_a_new_refresh_token(oura: Oura, number: int, path: str) -> None:
    answer = oura.refresh(number, path).json()

    assert oura.get("/v2/usercollection/personal_info", token=answer["access_token"]).json()["id"] == f"user-{number}"
    assert answer["refresh_token"] != oura.account(number)["refresh_token"]
    assert answer["expires_in"] == 30 * 86400
    assert answer["token_type"].lower() == "bearer"
    assert oura.refresh(number, path, answer["refresh_token"]).status == 200


@pytest.mark.parametrize(("number", "path"), [(OLD, LEGACY), (NEW, MODERN)])
def test_a_refresh_token_works_once(oura: Oura, number: int, path: str) -> None:
    oura.refresh(number, path)

    again = oura.refresh(number, path)

    assert (again.status, again.json()["error"]) == (400, "invalid_grant")


def test_only_the_new_provider_prefixes_scopes(oura: Oura) -> None:
    old, new = oura.refresh(OLD, LEGACY).json(), oura.refresh(NEW, MODERN).json()

    assert "scope" not in old
    assert "extapi:daily" in new["scope"].split()


@pytest.mark.parametrize(
    ("number", "path", "status", "error"),
    [(NEW, LEGACY, 400, "invalid_request"), (OLD, MODERN, 401, "invalid_client")],
)
def test_each_endpoint_refuses_the_others_clients_and_consumes_nothing(
    oura: Oura, number: int, path: str, status: int, error: Any
) -> None:
    answer = oura.refresh(number, path)

    assert (answer.status, answer.json()["error"]) == (status, error)
    assert oura.refresh(number, LEGACY if path == MODERN else MODERN).status == 200


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        (LEGACY, 400, {"error": "invalid_client", "error_description": "Invalid client_id."}),
        (MODERN, 401, {"error": "invalid_client"}),
    ],
)
def test_each_endpoint_refuses_unknown_clients_with_its_own_message(
    oura: Oura, path: str, status: int, body: Any
) -> None:
    answer = oura.refresh(OLD, path, client_id="nobody")

    assert (answer.status, answer.json()) == (status, body)


def test_a_wrong_secret_is_refused(oura: Oura) -> None:
    assert oura.refresh(OLD, LEGACY, client_secret="wrong").json()["error"] == "invalid_client"
    assert oura.refresh(NEW, MODERN, client_secret="wrong").status == 401


def test_a_refresh_token_belongs_to_its_client(oura: Oura) -> None:
    stolen = oura.account(3)["refresh_token"]

    assert oura.refresh(OLD, LEGACY, stolen).json()["error"] == "invalid_grant"


def test_client_credentials_may_come_as_http_basic(oura: Oura) -> None:
    known = oura.account(OLD)
    basic = b64encode(f"{known['client_id']}:{known['client_secret']}".encode()).decode()
    form = {"grant_type": "refresh_token", "refresh_token": known["refresh_token"]}

    assert oura.post(LEGACY, form, {"authorization": f"Basic {basic}"}).status == 200


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": ""}, "invalid_request"),
        ({"refresh_token": ""}, "invalid_request"),
    ],
)
def test_malformed_requests_are_refused(oura: Oura, change: Any, error: Any) -> None:
    assert oura.refresh(OLD, LEGACY, **change).json()["error"] == error


@pytest.mark.parametrize("seconds", [86400, 2592000])
def test_access_tokens_expire_after_expires_in(oura: Oura, seconds: int) -> None:
    oura.admin("POST", "oauth", {"expires_in": seconds})
    token = oura.refresh(OLD, LEGACY).json()["access_token"]
    statuses = []
    for moment in (seconds - 1, seconds):
        oura.now((NOW + timedelta(seconds=moment)).isoformat())
        statuses.append(oura.get("/v2/usercollection/personal_info", token=token).status)

    assert statuses == [200, 401]


def test_expires_in_can_be_omitted(oura: Oura) -> None:
    oura.admin("POST", "oauth", {"expires_in": None})
    answer = oura.refresh(OLD, LEGACY).json()
    oura.now("2036-01-01")

    assert "expires_in" not in answer
    assert oura.get("/v2/usercollection/personal_info", token=answer["access_token"]).status == 200


def test_tokens_can_be_expired_by_the_admin_route(oura: Oura) -> None:
    token = oura.refresh(OLD, LEGACY).json()["access_token"]

    assert oura.admin("POST", "expire", {"user": "user-1"}) == {"expired": 1}
    assert oura.get("/v2/usercollection/personal_info", token=token).status == 401
    assert oura.page("personal_info").status == 200


def test_a_client_can_be_moved_to_the_other_provider(oura: Oura) -> None:
    oura.admin("POST", "oauth", {"user": "user-1", "provider": "modern"})

    assert oura.account(OLD)["token_url"].endswith(MODERN)
    assert oura.refresh(OLD, MODERN).status == 200


def test_tokens_depend_on_the_seed_only(make_oura: Callable[..., Oura]) -> None:
    answers = [make_oura(seed=seed).refresh(OLD, LEGACY).json() for seed in (1, 1, 2)]

    assert answers[0] == answers[1] != answers[2]


@pytest.mark.parametrize("path", ["/oauth/revoke?access_token={}", "/oauth/v2/ext/oauth/revoke"])
def test_revoking_a_token_ends_the_grant(oura: Oura, path: str) -> None:
    pair = oura.refresh(OLD, LEGACY).json()
    oura.post(path.format(pair["access_token"]), {} if "{}" in path else {"token": pair["access_token"]})

    assert oura.get("/v2/usercollection/sleep", token=pair["access_token"]).status == 401
    assert oura.refresh(OLD, LEGACY, pair["refresh_token"]).status == 400


def test_a_revoked_first_refresh_token_stays_revoked(oura: Oura) -> None:
    oura.post("/oauth/revoke", {"token": oura.account(OLD)["refresh_token"]})

    assert oura.refresh(OLD, LEGACY).json()["error"] == "invalid_grant"


def test_a_revoked_account_cannot_refresh(oura: Oura) -> None:
    oura.admin("POST", "revoke", {"user": "user-1"})

    assert oura.refresh(OLD, LEGACY).json()["error"] == "invalid_grant"


def test_a_token_response_can_be_lost_after_the_rotation(oura: Oura) -> None:
    oura.fault("token_drop_after_rotation", user="user-1", times=1)
    with pytest.raises(ConnectionResetError):
        oura.refresh(OLD, LEGACY)

    assert oura.refresh(OLD, LEGACY).json()["error"] == "invalid_grant"


def test_ordinary_faults_apply_to_a_token_endpoint_only_by_its_path(oura: Oura) -> None:
    oura.fault("status", code=500)
    spared = oura.refresh(OLD, LEGACY)
    oura.fault("drop", path=LEGACY, times=1)
    with pytest.raises(ConnectionResetError):
        oura.refresh(OLD, LEGACY, spared.json()["refresh_token"])

    assert spared.status == 200
    assert oura.refresh(OLD, LEGACY, spared.json()["refresh_token"]).status == 200


@pytest.mark.parametrize("kind", ["token_before", "token_status"])
def test_a_failure_before_the_rotation_consumes_nothing(oura: Oura, kind: str) -> None:
    oura.fault(kind, times=1, code=502)

    assert [oura.refresh(OLD, LEGACY).status for _ in range(2)] == [502, 200]


def test_one_endpoint_can_be_down(oura: Oura) -> None:
    oura.fault("one_endpoint_down", endpoint="modern")

    assert oura.refresh(OLD, LEGACY).status == 200
    assert oura.refresh(NEW, MODERN).status == 503


def test_refreshes_are_in_the_request_log_without_secrets(oura: Oura) -> None:
    oura.refresh(OLD, LEGACY)
    (entry,) = oura.admin("GET", "requests")

    assert (entry["user"], entry["grant_type"], entry["status"]) == ("user-1", "refresh_token", 200)
    assert oura.account(OLD)["client_secret"] not in str(entry)
