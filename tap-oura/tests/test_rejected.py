"""A document without a usable key or day: rejected whole, reported once, and a gap until it is known."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tap_oura.ledger.rejected import Rejected, Rejections
from tap_oura.tap import TapOura

from .conftest import Run
from .document_server import Served, serving

GOOD: dict[str, Any] = {"id": "age-25", "day": "2026-11-25", "vascular_age": 36}
ODD: dict[str, Any] = {"day": "2026-11-24", "vascular_age": 36, "pulse_wave_velocity": 7.1}
AGE = "daily_cardiovascular_age"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TapOura, "clock", staticmethod(datetime(2026, 11, 26, 20, tzinfo=UTC).timestamp))


@pytest.fixture
def oura() -> Iterator[Served]:
    with serving({AGE: [GOOD, ODD]}) as served:
        yield served


def named(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line for line in caplog.messages if "user-1: set aside in" in line]


def test_a_rejected_document_keeps_its_window_incomplete_until_the_third_read(
    run: type[Run], oura: Served, caplog: pytest.LogCaptureFixture
) -> None:
    config = oura.config(collections=[AGE])

    one = run(config)
    two = run(config, one.state)
    lines = named(caplog)
    three = run(config, two.state)
    four = run(config, three.state)

    (row,) = one.of("rejected_documents", "user-1")
    assert (row["collection"], row["document_id"], row["reason"]) == (AGE, None, "no usable id")
    assert row["document"] == ODD
    assert row["rejected_at"] == "2026-11-26T20:00:00.000000Z"
    assert lines == [f"{AGE} of user-1: set aside in `rejected_documents`: one without an id (no usable id)"]
    message = "a document was set aside in `rejected_documents`: one without an id (no usable id)"
    for made in (one, two):
        assert made.code == 1
        assert made.failures[0] == f"{AGE} of user-1, 2026-11-20 to 2026-11-28: {message}"
        assert [record["id"] for record in made.of(AGE, "user-1")] == [GOOD["id"]]
        assert made.bookmark(AGE, "user-1") is None
        assert not made.of("collection_days", "user-1")
    assert [row["reason"] for row in one.of("collection_failures", "user-1")] == ["answer"]
    assert not two.of("collection_failures", "user-1"), "it goes on as it was"
    assert not two.of("rejected_documents", "user-1")
    assert (three.code, three.failures) == (0, [])
    assert three.bookmark(AGE, "user-1") == GOOD["day"]
    assert three.ledger(AGE, "user-1")[GOOD["day"]]["document_ids"] == [GOOD["id"]]
    assert [row["id"] for row in three.of("rejected_documents", "user-1")] == [row["id"]], (
        "beside the days it is not in"
    )
    assert three.of("collection_failures", "user-1")[0]["recovered_at"]
    assert not four.records
    assert four.state == three.state


def test_no_measured_value_is_in_logs_or_state(run: type[Run], oura: Served, caplog: pytest.LogCaptureFixture) -> None:
    oura.answers = {AGE: [{"id": [36], "day": "36 years", "vascular_age": 36.125}]}
    with caplog.at_level(logging.DEBUG):
        made = run(oura.config(collections=[AGE]))

    assert made.code == 1
    assert "36" not in " ".join([*named(caplog), *(each.split(": ", 1)[1] for each in made.failures)])
    assert "36.125" not in caplog.text + json.dumps(made.state)


def test_changed_content_restarts_the_count_and_removed_documents_are_forgotten(run: type[Run], oura: Served) -> None:
    config = oura.config(collections=[AGE])
    two = run(config, run(config).state)

    oura.answers = {AGE: [GOOD, {**ODD, "vascular_age": 37}]}
    changed = run(config, two.state)
    oura.answers = {AGE: [GOOD, {**ODD, "id": "age-24"}]}
    repaired = run(config, changed.state)

    assert changed.code == 1
    assert [row["document"]["vascular_age"] for row in changed.of("rejected_documents", "user-1")] == [37]
    assert repaired.code == 0
    assert {record["id"] for record in repaired.of(AGE, "user-1")} == {"age-25", "age-24"}
    assert '"rejected":' not in json.dumps(repaired.state)


def test_a_document_in_several_windows_is_counted_once_per_run(run: type[Run], oura: Served) -> None:
    oura.answers = {"workout": [{"id": "undated", "activity": "running"}]}
    config = oura.config(collections=["workout"], start_date="2024-11-20")

    one = run(config)
    two = run(config, one.state)

    assert oura.requests.count("workout") >= 3 * 2
    assert [row["document_id"] for row in one.of("rejected_documents", "user-1")] == ["undated"]
    assert two.code == 1
    assert two.failures[0].startswith("workout of user-1, 2024-11-20 to 2026-11-28: ")
    assert run(config, two.state).code == 0


def test_a_closed_range_is_complete_despite_rejected_documents(run: type[Run], oura: Served) -> None:
    made = run(oura.config(collections=[AGE], end_date="2026-11-26"))

    assert made.code == 0
    assert [row["document"] for row in made.of("rejected_documents", "user-1")] == [ODD]
    assert made.ledger(AGE, "user-1")[ODD["day"]]["document_ids"] == []


def test_a_cleared_day_ledger_sends_rejected_documents_again(run: type[Run], oura: Served) -> None:
    config = oura.config(collections=[AGE])
    one = run(config)

    again = run({**config, "forget_days": True}, one.state)

    assert again.of("rejected_documents", "user-1") == one.of("rejected_documents", "user-1")
    assert run(config, again.state).code == 0


def test_many_rejected_documents_are_named_counted_and_sent_within_bounds(
    run: type[Run], oura: Served, caplog: pytest.LogCaptureFixture
) -> None:
    oura.answers = {"heartrate": [{"bpm": number, "source": "awake"} for number in range(5_000)]}
    config = oura.config(collections=["heartrate"])

    one = run(config)
    lines = named(caplog)
    four = run(config, run(config, run(config, one.state).state).state)

    assert len(one.of("rejected_documents", "user-1")) == 5_000
    assert len(lines) == 11
    assert max(map(len, [*lines, *one.failures])) < 400
    assert len(json.dumps(four.state)) < 2_000
    assert four.code == 0


def test_an_ever_changing_rejected_document_blocks_for_twelve_reads_at_most(run: type[Run], oura: Served) -> None:
    config = oura.config(collections=[AGE])
    state: dict[str, Any] = {}
    codes: list[int] = []
    for number in range(14):
        oura.answers = {AGE: [GOOD, {**ODD, "vascular_age": number}]}
        made = run(config, state)
        codes.append(made.code)
        state = made.state

        assert [row["document"]["vascular_age"] for row in made.of("rejected_documents", "user-1")] == [number]
    oura.answers = {AGE: [GOOD]}
    repaired = run(config, state)

    assert codes == [1] * 11 + [0] * 3
    assert made.bookmark(AGE, "user-1") == GOOD["day"]
    assert "held_up" in json.dumps(state)
    assert "held_up" not in json.dumps(repaired.state)


def test_a_failed_window_forgets_no_rejected_document() -> None:
    state: dict[str, Any] = {"rejected": {"a": 2}, "held_up": 2}
    Rejections(state).close(whole=False)
    assert state == {"rejected": {"a": 2}, "held_up": 2}


@pytest.mark.parametrize("depth", [500, 900, 980, 20_000])
def test_any_nesting_depth_costs_only_its_window(run: type[Run], oura: Served, depth: int) -> None:
    deep = {"id": "b", "day": "2026-11-25", "odd": "HERE"}
    text = json.dumps({"data": [GOOD, deep]}).replace('"HERE"', "[" * depth + "]" * depth)
    oura.answers = {AGE: {"raw": text}}

    made = run(oura.config(collections=[AGE, "sleep"]))

    assert made.code == (0 if depth == 500 else 1)
    assert all(failure.startswith(AGE) and "nested too deep" in failure for failure in made.failures)
    assert made.ledger("sleep", "user-1")


def test_a_logged_id_is_short_and_without_control_characters() -> None:
    odd = Rejected.of("sleep", {"id": "line\nbreak" + "x" * 300}, "no usable id")
    assert str(odd) == "line\\nbreak" + "x" * 53 + " (no usable id)"


def test_a_non_object_is_rejected_and_the_documents_beside_it_are_read(run: type[Run], oura: Served) -> None:
    oura.answers = {AGE: [None, GOOD, [1]]}

    made = run(oura.config(collections=[AGE]))

    assert [record["id"] for record in made.of(AGE, "user-1")] == [GOOD["id"]]
    assert [row["document"] for row in made.of("rejected_documents", "user-1")] == [
        {"no document": None},
        {"no document": [1]},
    ]


def test_a_rejected_document_that_oura_deletes_is_no_longer_reported(
    run: type[Run], oura: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = oura.config(collections=[AGE])
    oura.answers = {AGE: [GOOD, {**ODD, "id": "age-24"}]}
    before = run(config)
    oura.answers = {AGE: [GOOD, {"id": "age-24", "vascular_age": 36}]}
    rejected = run(config, before.state)
    oura.answers = {AGE: [GOOD]}
    monkeypatch.setattr(TapOura, "clock", staticmethod(datetime(2026, 11, 26, 21, tzinfo=UTC).timestamp))
    gone = run(config, rejected.state)

    (row,) = rejected.of("rejected_documents", "user-1")
    assert row["document_id"] == "age-24"
    assert not gone.of("rejected_documents", "user-1")
    (day,) = (each for each in gone.of("collection_days", "user-1") if each["day"] == ODD["day"])
    assert day["document_ids"] == []
    assert day["read_at"] > row["rejected_at"]
