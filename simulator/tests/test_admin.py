"""The admin routes beside faults and edits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson
import pytest

if TYPE_CHECKING:
    from .conftest import Oura


def test_requests_are_logged_in_order(oura: Oura) -> None:
    oura.page("sleep", start_date="2026-03-01", end_date="2026-03-02")
    oura.page("heartrate", user=2)
    oura.get("/v2/usercollection/sleep", token="nonsense")
    first, second, third = oura.admin("GET", "requests")

    assert first | {"at": None} == {
        "n": 1,
        "at": None,
        "method": "GET",
        "path": "/v2/usercollection/sleep",
        "query": "start_date=2026-03-01&end_date=2026-03-02",
        "user": "user-1",
        "status": 200,
        "collection": "sleep",
    }
    assert (second["user"], third["user"], third["status"]) == ("user-2", None, 401)
    assert oura.admin("GET", "requests", since="2") == [third]


def test_admin_requests_are_not_logged(oura: Oura) -> None:
    oura.admin("GET", "accounts")

    assert oura.admin("GET", "requests") == []


def test_requests_are_counted_by_path_status_and_user(oura: Oura) -> None:
    document = oura.truth("sleep")[0]["id"]
    for _ in range(3):
        oura.page("sleep")
    oura.document("sleep", document)
    oura.page("nothing", user=2)
    totals = oura.admin("GET", "requests/count")

    assert totals == {
        "total": 5,
        "by_path": {
            "/v2/usercollection/sleep": 3,
            "/v2/usercollection/sleep/{id}": 1,
            "/v2/usercollection/nothing": 1,
        },
        "by_status": {"200": 4, "404": 1},
        "by_user": {"user-1": 4, "user-2": 1},
        "by_grant": {},
    }


def test_clearing_the_request_log_keeps_the_numbering(oura: Oura) -> None:
    oura.page("sleep")
    oura.admin("DELETE", "requests")
    oura.page("sleep")

    assert [entry["n"] for entry in oura.admin("GET", "requests")] == [2]


def test_accounts_come_with_all_their_credentials(oura: Oura) -> None:
    accounts = oura.admin("GET", "accounts")

    assert [account["user"] for account in accounts] == ["user-1", "user-2", "user-3"]
    assert {frozenset(account) for account in accounts} == {
        frozenset({"user", "token", "client_id", "client_secret", "refresh_token", "token_url", "timezone"})
    }
    assert accounts[0]["timezone"] == "America/Los_Angeles"


def test_expected_data_is_complete_without_bounds(make_oura: Callable[..., Oura]) -> None:
    oura = make_oura(days=20)
    days = [document["day"] for document in oura.truth("daily_stress")]

    assert days[0] >= "2026-03-26"
    assert days[-1] == "2026-04-15"


def test_reset_undoes_everything(oura: Oura) -> None:
    before = oura.truth("daily_sleep")
    oura.edit("delete", collection="daily_sleep", start="2026-03-01", end="2026-03-20")
    oura.fault("status")
    oura.now("2026-05-01")
    oura.admin("POST", "revoke", {"user": "user-1"})
    oura.admin("POST", "oauth", {"expires_in": None, "prefix": ""})
    oura.admin("POST", "reset")

    assert oura.truth("daily_sleep") == before
    assert oura.page("daily_sleep").status == 200
    assert oura.admin("GET", "clock")["now"].startswith("2026-04-15")
    assert [entry["n"] for entry in oura.admin("GET", "requests")] == [1]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("clock", {"now": "yesterday"}),
        ("clock", {"then": "2026-01-01"}),
        ("scopes", {"user": "user-1", "scopes": ["spo2Daily"]}),
        ("scopes", {"user": "user-1", "scopes": "daily"}),
        ("membership", {"user": "user-1"}),
        ("revoke", {}),
        ("oauth", {"expires_in": "long"}),
        ("oauth", {"user": "user-1", "provider": "other"}),
        ("ranges", {"collection": "sleep", "end": "open"}),
        ("reset", {"all": True}),
    ],
)
def test_invalid_admin_requests_are_refused_with_a_message(oura: Oura, path: str, body: Any) -> None:
    answer = oura.client.request("POST", f"/admin/{path}", body=orjson.dumps(body))

    assert (answer.status, bool(answer.json()["error"])) == (400, True)


def test_a_body_that_is_not_json_is_refused(oura: Oura) -> None:
    assert oura.client.request("POST", "/admin/clock", body=b"{").status == 400


def test_an_unknown_user_has_no_documents(oura: Oura) -> None:
    assert oura.client.request("GET", "/admin/documents/user-9/sleep").status == 400
