"""Pages: complete, without duplicates, with opaque self-contained tokens."""

from __future__ import annotations

import itertools
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from oura_simulator.collections import COLLECTIONS

if TYPE_CHECKING:
    from .conftest import Oura

PAGED = [name for name in COLLECTIONS if name != "personal_info"]
WIDE = ("2026-03-01", "2026-03-31")


def query(collection: str, start: str, end: str) -> Any:
    kind = {"dates": "date", "instants": "datetime"}.get(COLLECTIONS[collection].kind)
    return {f"start_{kind}": start, f"end_{kind}": end} if kind else {}


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("collection", [name for name in PAGED if name != "heartrate"])
def test_pages_of_any_size_hold_the_same_documents(make_oura: Callable[..., Oura], collection: str, size: int) -> None:
    whole = make_oura(page_size=100_000).walk(collection, **query(collection, *WIDE))
    pages = make_oura(page_size=size).walk(collection, **query(collection, *WIDE))

    assert [document for page in pages for document in page] == whole[0]
    assert all(len(page) == size for page in pages[:-1])
    assert 1 <= len(pages[-1]) <= size


def test_heart_rate_comes_in_pages_of_a_thousand(oura: Oura) -> None:
    pages = oura.walk("heartrate", **query("heartrate", *WIDE))

    assert {len(page) for page in pages[:-1]} == {1000}
    assert [row for page in pages for row in page] == oura.truth("heartrate", "2026-03-01", "2026-03-30")


def test_a_page_boundary_inside_one_instant_loses_nothing(make_oura: Callable[..., Oura]) -> None:
    oura = make_oura(page_size=1)
    rows = oura.truth("heartrate", "2026-03-01", "2026-03-31")
    twins = [row for row, other in itertools.pairwise(rows) if row["timestamp"] == other["timestamp"]]
    moment = twins[0]["timestamp"]
    end = f"{moment[:19]}.500Z"

    pages = oura.walk("heartrate", start_datetime=moment, end_datetime=end.replace("Z", "+00:00"))

    assert [row["source"] for page in pages for row in page] == ["awake", "workout"]


def test_a_page_token_alone_returns_the_next_page(make_oura: Callable[..., Oura]) -> None:
    oura = make_oura(page_size=5)
    first = oura.page("daily_sleep", start_date="2026-03-01", end_date="2026-03-31", fields="score").json()
    alone = oura.page("daily_sleep", next_token=first["next_token"]).json()
    repeated = oura.page(
        "daily_sleep",
        start_date="2026-03-01",
        end_date="2026-03-31",
        fields="score",
        next_token=first["next_token"],
    ).json()

    assert alone == repeated
    assert set(alone["data"][0]) == {"id", "day", "score"}


def test_a_page_token_is_opaque(make_oura: Callable[..., Oura]) -> None:
    token = make_oura(page_size=5).page("sleep", start_date="2026-03-01", end_date="2026-03-31").json()["next_token"]

    assert token
    assert "2026" not in token
    assert "sleep" not in token


@pytest.mark.parametrize("token", ["nonsense", "WzFd", "bnVsbA", "é"])
def test_an_unknown_page_token_is_refused(oura: Oura, token: Any) -> None:
    assert oura.page("sleep", next_token=token).status == 400


def test_a_forged_page_token_is_refused(oura: Oura) -> None:
    forged = urlsafe_b64encode(b'["sleep",1,"","",null,1,0,false]').decode()

    assert oura.page("sleep", next_token=forged).status == 400


def test_a_page_token_is_valid_for_its_own_collection_and_account_only(make_oura: Callable[..., Oura]) -> None:
    oura = make_oura(page_size=5)
    token = oura.page("daily_sleep", start_date="2026-03-01", end_date="2026-03-31").json()["next_token"]

    assert oura.page("sleep_time", next_token=token).status == 400
    assert oura.page("daily_sleep", user=2, next_token=token).status == 400


def test_fields_project_and_keep_id_and_day(oura: Oura) -> None:
    body = oura.page(
        "daily_activity", start_date="2026-03-01", end_date="2026-03-05", fields="score,steps,unheard"
    ).json()

    assert {frozenset(document) for document in body["data"]} == {frozenset({"id", "day", "score", "steps"})}


def test_unknown_fields_alone_project_nothing(oura: Oura) -> None:
    plain = oura.page("daily_sleep", start_date="2026-03-01", end_date="2026-03-05").json()

    assert oura.page("daily_sleep", start_date="2026-03-01", end_date="2026-03-05", fields="unheard").json() == plain


@pytest.mark.parametrize("collection", ["daily_resilience", "enhanced_tag", "tag"])
def test_fields_do_nothing_where_oura_does_not_support_them(oura: Oura, collection: str) -> None:
    bounds = {"start_date": "2026-02-01", "end_date": "2026-03-05"}

    assert oura.page(collection, fields="id", **bounds).json() == oura.page(collection, **bounds).json()


def test_fields_work_on_series_and_rings(oura: Oura) -> None:
    rows = oura.page("heartrate", start_datetime="2026-03-01", end_datetime="2026-03-02", fields="bpm").json()["data"]
    rings = oura.page("ring_configuration", fields="size").json()["data"]

    assert set(rows[0]) == {"bpm"}
    assert set(rings[0]) == {"id", "size"}


@pytest.mark.parametrize("collection", ["heartrate", "ring_battery_level"])
def test_latest_overrides_the_range(oura: Oura, collection: str) -> None:
    body = oura.page(collection, latest="true", start_datetime="2020-01-01", end_datetime="2026-03-02").json()

    assert body == {"data": [oura.truth(collection)[-1]], "next_token": None}


def test_latest_is_ignored_by_documents(oura: Oura) -> None:
    bounds = {"start_date": "2026-03-01", "end_date": "2026-03-05"}

    assert oura.page("daily_sleep", latest="true", **bounds).json() == oura.page("daily_sleep", **bounds).json()


def test_latest_must_be_true_or_false(oura: Oura) -> None:
    assert oura.page("heartrate", latest="perhaps").status == 422


def test_personal_info_has_no_envelope(oura: Oura) -> None:
    assert oura.page("personal_info").json()["id"] == "user-1"


def test_documents_of_other_accounts_are_not_found(oura: Oura) -> None:
    mine = oura.truth("daily_sleep", user=1)[0]["id"]

    assert oura.document("daily_sleep", mine, user=1).status == 200
    assert oura.document("daily_sleep", mine, user=2).status == 404
    assert oura.document("daily_readiness", mine, user=1).status == 404


@pytest.mark.parametrize("document_id", ["nonsense", "00000000-0000-4000-8000-000000000000"])
def test_an_unknown_document_is_not_found(oura: Oura, document_id: str) -> None:
    assert oura.document("sleep", document_id).status == 404


@pytest.mark.parametrize("path", ["vo2_max", "Sleep", "blood_glucose", "interbeat_interval", ""])
def test_paths_are_case_sensitive_and_unknown_ones_are_not_found(oura: Oura, path: str) -> None:
    answer = oura.page(path)

    assert (answer.status, answer.json()) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize("collection", ["heartrate", "ring_battery_level", "personal_info"])
def test_three_collections_have_no_single_documents(oura: Oura, collection: str) -> None:
    assert oura.document(collection, "x").json() == {"detail": "Not Found"}
