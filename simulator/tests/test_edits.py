"""Edits of the past: each appears in the expected data and in responses, and only where it belongs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from .conftest import Oura

START, END = "2026-03-01", "2026-03-28"


def first(oura: Oura, collection: str, condition: Any = lambda document: True, user: int = 1) -> Any:
    return next(document for document in oura.truth(collection, START, END, user=user) if condition(document))


def served(oura: Oura, collection: str, day: Any, user: int = 1) -> Any:
    """What the list answers for a day, asked with margins."""
    middle = date.fromisoformat(day)
    since, until = ((middle + timedelta(days=n)).isoformat() for n in (-2, 2))
    cursor = "start_day" if collection in ("enhanced_tag", "rest_mode_period") else "day"
    return [document for document in oura.read(collection, since, until, user) if document[cursor] == day]


def refused(oura: Oura, **body: Any) -> Any:
    answer = oura.client.request("POST", "/admin/edits", body=orjson.dumps({"user": "user-1", **body}))
    return answer.status == 400 and answer.json()["error"]


def test_a_document_can_be_changed(oura: Oura) -> None:
    workout = first(oura, "workout")
    oura.edit("change", collection="workout", id=workout["id"], set={"label": "with Bo", "calories": 1.5})
    changed = workout | {"label": "with Bo", "calories": 1.5}

    assert oura.document("workout", workout["id"]).json() == changed
    assert changed in served(oura, "workout", workout["day"])
    assert changed in oura.truth("workout", workout["day"], workout["day"])


def test_a_field_can_be_removed(oura: Oura) -> None:
    workout = first(oura, "workout")
    oura.edit("change", collection="workout", id=workout["id"], unset=["label"])

    assert "label" not in oura.document("workout", workout["id"]).json()


def test_an_edit_leaves_other_days_and_accounts_unchanged(oura: Oura) -> None:
    before = oura.truth("daily_sleep", START, END), oura.truth("daily_sleep", START, END, user=2)
    day = first(oura, "daily_sleep")["day"]
    oura.edit("rescore", collection="daily_sleep", day=day, score=11)
    after = oura.truth("daily_sleep", START, END), oura.truth("daily_sleep", START, END, user=2)

    assert after[1] == before[1]
    assert [d for d in after[0] if d["day"] != day] == [d for d in before[0] if d["day"] != day]


def test_a_day_can_be_rescored(oura: Oura) -> None:
    document = first(oura, "daily_readiness", lambda d: d["score"])
    oura.edit("rescore", collection="daily_readiness", day=document["day"], score=42)

    assert served(oura, "daily_readiness", document["day"]) == [document | {"score": 42}]


def test_rescoring_without_a_score_still_changes_it(oura: Oura) -> None:
    document = first(oura, "daily_readiness", lambda d: d["score"])
    oura.edit("rescore", collection="daily_readiness", day=document["day"])

    assert served(oura, "daily_readiness", document["day"])[0]["score"] not in (None, document["score"])


@pytest.mark.parametrize("collection", ["workout", "enhanced_tag", "tag", "session", "sleep", "daily_activity"])
def test_a_deleted_document_appears_nowhere(oura: Oura, collection: str) -> None:
    document = first(oura, collection)
    oura.edit("delete", collection=collection, id=document["id"])

    assert oura.document(collection, document["id"]).status == 404
    assert document not in oura.read(collection, "2026-02-01", END)
    assert document not in oura.truth(collection)


def test_a_range_of_days_can_be_deleted(oura: Oura) -> None:
    oura.edit("delete", collection="daily_sleep", start="2026-03-05", end="2026-03-09")

    days = {document["day"] for document in oura.truth("daily_sleep", START, END)}
    assert not days & {f"2026-03-0{n}" for n in range(5, 10)}
    assert days


def test_a_week_can_arrive_late(oura: Oura) -> None:
    collections = ("sleep", "daily_activity", "heartrate", "enhanced_tag")
    before = {c: oura.truth(c, START, END) for c in collections}
    oura.edit("late", start="2026-03-08", end="2026-03-14")
    during = {c: oura.truth(c, "2026-03-08", "2026-03-14") for c in collections}
    answered = oura.read("daily_activity", "2026-03-08", "2026-03-15")
    oura.edit("arrive", start="2026-03-08", end="2026-03-14")

    assert during == {key: [] for key in collections}
    assert answered == []
    assert {c: oura.truth(c, START, END) for c in collections} == before


def test_late_data_can_be_scheduled(oura: Oura) -> None:
    oura.edit("late", collection="sleep", start=START, end=END, visible_from="2026-04-16T10:00:00Z")
    before = oura.truth("sleep", START, END)
    oura.now("2026-04-16T10:00:00Z")

    assert before == []
    assert oura.truth("sleep", START, END)


def test_arrival_is_by_collection_when_one_is_named(oura: Oura) -> None:
    oura.edit("late", collection=["sleep", "workout"], start=START, end=END)
    oura.edit("arrive", collection="sleep", start=START, end=END)

    assert oura.truth("sleep", START, END)
    assert oura.truth("workout", START, END) == []


@pytest.mark.parametrize("kind", ["rest", "deleted", "late_nap"])
def test_confirming_a_nap_changes_its_type_and_the_scores_of_its_day(oura: Oura, kind: str) -> None:
    scored = {d["day"] for d in oura.truth("daily_sleep") if d["score"]}
    nap = next(n for n in oura.truth("sleep") if n["type"] == kind and n["day"] in scored)
    before = [served(oura, c, nap["day"])[0]["score"] for c in ("daily_sleep", "daily_readiness")]
    oura.edit("confirm_nap", id=nap["id"])
    after = [served(oura, c, nap["day"])[0]["score"] for c in ("daily_sleep", "daily_readiness")]
    confirmed = oura.document("sleep", nap["id"]).json()

    assert confirmed == nap | {"type": "sleep", "sleep_score_delta": 3, "readiness_score_delta": 2}
    assert after == [before[0] + 3, before[1] + 2]


def test_sleep_can_be_marked_deleted_and_stays(oura: Oura) -> None:
    night = first(oura, "sleep")
    oura.edit("mark_deleted", collection="sleep", id=night["id"])

    assert oura.document("sleep", night["id"]).json() == night | {"type": "deleted"}


def test_a_document_can_be_recreated(oura: Oura) -> None:
    night = first(oura, "sleep", lambda n: n["type"] == "long_sleep")
    oura.edit("recreate", collection="sleep", id=night["id"])
    (fresh,) = [n for n in served(oura, "sleep", night["day"]) if n["bedtime_start"] == night["bedtime_start"]]

    assert fresh["id"] != night["id"]
    assert fresh == night | {"id": fresh["id"]}
    assert oura.document("sleep", night["id"]).status == 404
    assert oura.document("sleep", fresh["id"]).json() == fresh


def test_a_created_document_can_be_edited_again(oura: Oura) -> None:
    night = first(oura, "sleep")
    oura.edit("recreate", collection="sleep", id=night["id"])
    fresh = next(n for n in oura.truth("sleep", START, END) if n["bedtime_start"] == night["bedtime_start"])
    oura.edit("delete", collection="sleep", id=fresh["id"])

    assert not [n for n in oura.truth("sleep", START, END) if n["bedtime_start"] == night["bedtime_start"]]


@pytest.mark.parametrize("missing", [False, True])
def test_a_night_can_be_unfinished(oura: Oura, missing: Any) -> None:
    night = first(oura, "sleep")
    oura.edit("unfinished", collection="sleep", id=night["id"], missing=missing)
    served_now = oura.document("sleep", night["id"]).json()

    assert served_now.get("bedtime_end", "absent") == ("absent" if missing else None)


def test_a_document_can_be_added(oura: Oura) -> None:
    document = {"day": "2026-03-10", "text": "x", "timestamp": "2026-03-10T12:00:00-07:00", "tags": []}
    made = oura.edit("add", collection="tag", document=document)["edits"][0]["document"]

    assert made in served(oura, "tag", "2026-03-10")
    assert oura.document("tag", made["id"]).json() == made


def test_an_added_document_may_bring_its_own_id(oura: Oura) -> None:
    document = {"id": "mine", "day": "2026-03-10", "text": "x", "timestamp": "2026-03-10T12:00:00", "tags": []}
    oura.edit("add", collection="tag", document=document)

    assert oura.document("tag", "mine").json() == document


def test_rows_of_a_series_can_be_added_changed_and_deleted(oura: Oura) -> None:
    row = oura.truth("heartrate", "2026-03-10", "2026-03-10")[5]
    added = {"timestamp": "2026-03-10T03:00:00.000Z", "bpm": 99, "source": "live"}
    where = {"collection": "heartrate", "timestamp": row["timestamp"], "source": row["source"]}
    oura.edit("add", collection="heartrate", document=added)
    oura.edit("change", **where, set={"bpm": 1})
    changed = oura.truth("heartrate", "2026-03-10", "2026-03-10")
    oura.edit("delete", **where)
    deleted = oura.truth("heartrate", "2026-03-10", "2026-03-10")

    assert added | {"timestamp_unix": 1773111600000} in changed
    assert row | {"bpm": 1} in changed
    assert len(deleted) == len(changed) - 1
    assert deleted == oura.read("heartrate", "2026-03-10", "2026-03-11")


def test_a_day_of_a_series_can_be_deleted(oura: Oura) -> None:
    oura.edit("delete", collection="heartrate", day="2026-03-10")

    assert oura.read("heartrate", "2026-03-10", "2026-03-11") == []


def test_the_profile_can_be_changed(oura: Oura) -> None:
    before = oura.page("personal_info").json()
    oura.edit("change", collection="personal_info", set={"weight": 70.5})

    assert oura.page("personal_info").json() == before | {"weight": 70.5}
    assert oura.truth("personal_info") == [before | {"weight": 70.5}]


def test_a_ring_can_be_changed_and_late_days_do_not_hide_it(oura: Oura) -> None:
    ring = oura.truth("ring_configuration")[0]
    oura.edit("change", collection="ring_configuration", id=ring["id"], set={"firmware_version": "9"})
    oura.edit("late", start=START, end=END)

    assert oura.page("ring_configuration").json()["data"][0] == ring | {"firmware_version": "9"}


def test_edits_can_be_listed_and_undone(oura: Oura) -> None:
    workout = first(oura, "workout")
    (number,) = oura.edit("delete", collection="workout", id=workout["id"])["ids"]
    listed = oura.admin("GET", "edits")
    oura.admin("DELETE", f"edits/{number}")

    assert [(edit["id"], edit["op"], edit["user"]) for edit in listed] == [(number, "delete", "user-1")]
    assert oura.document("workout", workout["id"]).json() == workout


def test_pages_stay_complete_while_data_is_edited(make_oura: Callable[..., Oura]) -> None:
    oura = make_oura(page_size=3)
    nights = oura.truth("daily_sleep", START, END)
    oura.edit("delete", collection="daily_sleep", id=nights[4]["id"])
    oura.edit("recreate", collection="daily_sleep", id=nights[6]["id"])

    assert oura.read("daily_sleep", START, END) == oura.truth("daily_sleep", START, END)


DAYS = st.dates(date(2026, 3, 8), date(2026, 3, 14)).map(date.isoformat)
EDITS = st.fixed_dictionaries(
    {
        "op": st.sampled_from(["delete", "recreate", "late", "arrive", "rescore", "mark_deleted", "confirm_nap"]),
        "collection": st.sampled_from(["sleep", "daily_sleep", "workout", "enhanced_tag", "daily_activity"]),
        "day": DAYS,
    }
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(EDITS, max_size=8), size=st.sampled_from([1, 3, 1000]))
def test_lists_reflect_any_edit(oura: Oura, edits: Any, size: int) -> None:
    oura.admin("DELETE", "edits")
    oura.simulator.pages.page_size = size
    for edit in edits:
        # Not every edit makes sense for every collection: what is refused changes nothing.
        oura.client.request("POST", "/admin/edits", body=orjson.dumps({"user": "user-1", **edit}))

    for collection in ("sleep", "daily_sleep", "workout", "enhanced_tag", "daily_activity"):
        truth = oura.truth(collection, "2026-03-08", "2026-03-14")
        days = {"enhanced_tag": "start_day"}.get(collection, "day")
        wide = oura.read(collection, "2026-03-06", "2026-03-16")
        assert [document for document in wide if "2026-03-08" <= document[days] <= "2026-03-14"] == truth


@pytest.mark.parametrize(
    "body",
    [
        {"op": "nonsense"},
        {"op": "delete", "collection": "sleep"},
        {"op": "delete", "collection": "nonsense", "day": START},
        {"op": "delete", "collection": "sleep", "id": "nonsense"},
        {"op": "delete", "collection": "workout", "day": "2031-01-01"},
        {"op": "delete", "collection": "sleep", "day": "yesterday"},
        {"op": "change", "collection": "daily_sleep", "day": START},
        {"op": "change", "collection": "daily_sleep", "day": START, "set": {"day": END}},
        {"op": "rescore", "collection": "daily_stress", "day": START},
        {"op": "mark_deleted", "collection": "workout", "start": START, "end": END},
        {"op": "confirm_nap", "day": "2031-01-01"},
        {"op": "add", "collection": "tag", "document": {"text": "no day"}},
        {"op": "late", "collection": "sleep", "start": START, "ende": END},
        {"op": "delete", "collection": "personal_info"},
        {"op": "recreate", "collection": "heartrate", "day": START},
        {"op": "rescore", "collection": "daily_sleep", "day": START, "user": "user-9"},
    ],
)
def test_an_invalid_edit_is_refused_with_a_message(oura: Oura, body: Any) -> None:
    assert refused(oura, **body)
