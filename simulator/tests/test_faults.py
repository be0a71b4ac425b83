"""Faults: each kind, which requests it applies to, how often, and that the expected data stays unchanged."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Oura

BOUNDS = {"start_date": "2026-03-01", "end_date": "2026-03-21"}
WEEK = {"start_date": "2026-03-01", "end_date": "2026-03-07"}
HEADERS = {"retry-after", "x-ratelimit-limit", "x-ratelimit-window", "x-ratelimit-reset", "x-ratelimit-tier"}


def statuses(oura: Oura, count: int, collection: str = "daily_sleep", user: int = 1) -> Any:
    return [oura.page(collection, user, **WEEK).status for _ in range(count)]


@pytest.mark.parametrize("code", [403, 426, 500, 502, 503])
def test_any_status_can_be_returned(oura: Oura, code: str) -> None:
    oura.fault("status", code=code)

    assert statuses(oura, 1) == [code]


def test_a_fault_applies_as_often_as_set_after_skipping_some(oura: Oura) -> None:
    oura.fault("status", skip=2, times=3)

    assert statuses(oura, 7) == [200, 200, 500, 500, 500, 200, 200]


def test_a_fault_applies_only_to_matching_requests(oura: Oura) -> None:
    oura.fault("status", user="user-1", collection=["daily_sleep", "sleep"])

    assert statuses(oura, 1, "daily_sleep") == statuses(oura, 1, "sleep") == [500]
    assert statuses(oura, 1, "daily_readiness") == statuses(oura, 1, "sleep", user=2) == [200]


def test_a_fault_can_be_limited_to_a_path(oura: Oura) -> None:
    document = oura.truth("sleep")[0]["id"]
    oura.fault("status", path=f"/v2/usercollection/sleep/{document}")

    assert oura.document("sleep", document).status == 500
    assert oura.page("sleep").status == 200


def test_faults_can_be_listed_and_removed(oura: Oura) -> None:
    first, second = oura.fault("status"), oura.fault("slow", ms=0)
    statuses(oura, 2)
    listed = {fault["id"]: fault["hit"] for fault in oura.admin("GET", "faults")}
    oura.admin("DELETE", f"faults/{first}")

    assert listed == {first: 2, second: 2}
    assert statuses(oura, 1) == [200]


def test_all_faults_can_be_cleared_at_once(oura: Oura) -> None:
    oura.fault("status")
    oura.admin("DELETE", "faults")

    assert statuses(oura, 1) == [200]


def test_faults_leave_the_expected_data_unchanged(oura: Oura) -> None:
    before = oura.truth("daily_sleep", "2026-03-01", "2026-03-07")
    oura.fault("status")
    oura.fault("unknown_field")

    assert oura.truth("daily_sleep", "2026-03-01", "2026-03-07") == before


def test_a_missing_scope_differs_from_an_expired_token(oura: Oura) -> None:
    oura.fault("scope_401", collection="daily_spo2")
    oura.fault("expired_401", collection="daily_sleep")

    assert oura.page("daily_spo2").json() == {"detail": "Token is not authorized access spo2 scope."}
    assert "scope" not in oura.page("daily_sleep").text
    assert statuses(oura, 1) == [401]


@pytest.mark.parametrize("tier", ["user", "application"])
def test_a_rate_limit_has_all_five_headers(oura: Oura, tier: str) -> None:
    oura.fault("rate_limit", tier=tier, retry_after=7, limit=100, window=60)
    answer = oura.page("daily_sleep")

    assert answer.status == 429
    assert set(answer.headers) >= HEADERS
    assert (answer.headers["retry-after"], answer.headers["x-ratelimit-tier"]) == ("7", tier)
    assert 0 <= int(answer.headers["x-ratelimit-reset"]) - time.time() < 8


def test_a_rate_limit_may_omit_retry_after(oura: Oura) -> None:
    oura.fault("rate_limit", retry_after=None)

    assert HEADERS - set(oura.page("daily_sleep").headers) == {"retry-after"}


def test_successful_responses_have_no_rate_limit_headers(oura: Oura) -> None:
    assert not HEADERS & set(oura.page("daily_sleep").headers)


@pytest.mark.parametrize(("tier", "other"), [("user", 200), ("application", 429)])
def test_a_quota_counts_per_user_or_in_total(oura: Oura, tier: str, other: Any) -> None:
    oura.fault("quota", tier=tier, limit=3, window=60)

    assert statuses(oura, 4) == [200, 200, 200, 429]
    assert statuses(oura, 1, user=2) == [other]


def test_a_response_can_be_delayed(oura: Oura) -> None:
    oura.fault("slow", ms=60, times=1)
    started = time.perf_counter()

    assert statuses(oura, 1) == [200]
    assert time.perf_counter() - started >= 0.06


@pytest.mark.parametrize("kind", ["drop", "cut"])
def test_a_broken_connection_raises_in_process(oura: Oura, kind: str) -> None:
    oura.fault(kind, times=1)

    with pytest.raises(ConnectionResetError):
        oura.page("daily_sleep")
    assert statuses(oura, 1) == [200]


def test_a_page_token_can_repeat_for_ever(make_oura: Callable[..., Oura]) -> None:
    oura = make_oura(page_size=5)
    oura.fault("repeat_token")
    first = oura.page("daily_sleep", **BOUNDS).json()
    second = oura.page("daily_sleep", **BOUNDS, next_token=first["next_token"]).json()

    assert second["next_token"] == first["next_token"]


def test_an_empty_page_with_a_token_is_not_the_end(make_oura: Callable[..., Oura]) -> None:
    oura = make_oura(page_size=5)
    whole = [document for page in oura.walk("daily_sleep", **BOUNDS) for document in page]
    oura.fault("empty_page", times=1, skip=1)
    pages = oura.walk("daily_sleep", **BOUNDS)

    assert pages[1] == []
    assert [document for page in pages for document in page] == whole


def test_each_page_has_one_empty_page_before_it_and_the_pages_end(make_oura: Callable[..., Oura]) -> None:
    oura = make_oura(page_size=5)
    whole = [page for page in oura.walk("daily_sleep", **BOUNDS) if page]
    oura.fault("empty_page")
    pages = oura.walk("daily_sleep", **BOUNDS)

    assert pages[::2] == [[]] * len(whole)
    assert pages[1::2] == whole


def test_the_last_page_may_have_no_next_token_at_all(oura: Oura) -> None:
    oura.fault("missing_next_token")

    assert set(oura.page("daily_sleep", **BOUNDS).json()) == {"data"}


def test_a_missing_next_token_never_hides_data(make_oura: Callable[..., Oura]) -> None:
    oura = make_oura(page_size=5)
    oura.fault("missing_next_token")

    assert [document for page in oura.walk("daily_sleep", **BOUNDS) for document in page] == oura.truth(
        "daily_sleep", "2026-03-01", "2026-03-21"
    )


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize("collection", ["daily_sleep", "ring_battery_level", "ring_configuration"])
def test_the_same_document_can_be_on_two_pages(make_oura: Callable[..., Oura], collection: str, size: int) -> None:
    oura = make_oura(page_size=size)
    bounds = {"start_datetime": "2026-03-01", "end_datetime": "2026-03-02"} if "level" in collection else BOUNDS
    whole = [str(document) for page in oura.walk(collection, **bounds) for document in page]
    oura.fault("duplicate")
    pages = oura.walk(collection, **bounds, most=200)
    seen = [str(document) for page in pages for document in page]

    assert list(dict.fromkeys(seen)) == whole
    assert len(seen) > len(whole)
    assert all(str(before[-1]) == str(after[0]) for before, after in itertools.pairwise(pages))


def test_an_unknown_field_can_appear(oura: Oura) -> None:
    oura.fault("unknown_field", field="producer_timestamp", value=None, collection="heartrate")
    oura.fault("unknown_field", collection="sleep")

    assert "producer_timestamp" in oura.page("heartrate").json()["data"][0]
    assert oura.page("sleep", **WEEK).json()["data"][0]["brand_new_field"] == {"version": 1}


@pytest.mark.parametrize(("collection", "field"), [("sleep", "type"), ("heartrate", "source"), ("workout", "source")])
def test_an_unknown_enum_value_can_appear(oura: Oura, collection: str, field: str) -> None:
    oura.fault("unknown_enum")
    bounds = {} if collection == "heartrate" else BOUNDS

    assert {d[field] for d in oura.page(collection, **bounds).json()["data"]} == {"brand_new_value"}


def test_the_latest_row_can_follow_an_empty_page(oura: Oura) -> None:
    oura.fault("empty_page", times=1)
    pages = oura.walk("heartrate", latest="true")

    assert [len(page) for page in pages] == [0, 1]


def test_random_faults_have_their_rates_and_a_repeatable_order(make_oura: Callable[..., Oura]) -> None:
    runs = []
    for _ in range(2):
        oura = make_oura()
        oura.fault("random", rates={"429": 0.1, "500": 0.2}, seed=7)
        runs.append(statuses(oura, 200))

    assert runs[0] == runs[1]
    assert 5 < runs[0].count(429) < 40
    assert 20 < runs[0].count(500) < 65


def test_random_faults_can_break_connections_and_pages(oura: Oura) -> None:
    oura.fault("random", rates={"drop": 1.0}, times=1)
    with pytest.raises(ConnectionResetError):
        oura.page("daily_sleep")
    oura.admin("DELETE", "faults")
    oura.fault("random", rates={"empty_page": 1.0}, times=1)

    assert oura.page("daily_sleep", **WEEK).json()["data"] == []


def test_faulted_requests_are_in_the_request_log_with_their_result(oura: Oura) -> None:
    oura.fault("status", code=502, times=1)
    oura.fault("drop", times=1, skip=1)
    statuses(oura, 1)
    with pytest.raises(ConnectionResetError):
        oura.page("daily_sleep")

    assert [entry["status"] for entry in oura.admin("GET", "requests")] == [502, None]


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "nonsense"},
        {"kind": "status", "cod": 500},
        {"kind": "status", "user": "nobody"},
        {"kind": "status", "collection": "vo2_max"},
    ],
)
def test_an_invalid_fault_is_refused(oura: Oura, body: Any) -> None:
    import orjson

    answer = oura.client.request("POST", "/admin/faults", body=orjson.dumps(body))

    assert answer.status == 400
    assert answer.json()["error"]


def test_the_reset_of_a_quota_is_in_the_future(oura: Oura) -> None:
    oura.fault("quota", limit=1, window=30)
    statuses(oura, 1)
    headers = oura.page("daily_sleep").headers

    assert int(headers["x-ratelimit-reset"]) > datetime.now(UTC).timestamp()
    assert 1 <= int(headers["retry-after"]) <= 30
