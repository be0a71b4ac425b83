"""One odd value of one account: the run continues, and the value is where it belongs."""

from __future__ import annotations

import base64
import gzip
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tap_oura.tap import TapOura

from .conftest import Run
from .document_server import serving

CASES = os.environ.get("OURA_CASES")
DAY = "2026-11-25"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TapOura, "clock", staticmethod(datetime(2026, 11, 26, 20, tzinfo=UTC).timestamp))


def only(made: Run, stream: str) -> dict[str, Any]:
    (record,) = made.of(stream, "user-1")
    return record


def read(run: type[Run], answers: dict[str, Any], **settings: Any) -> Run:
    with serving(answers) as oura:
        return run(oura.config(collections=[*answers], **settings))


def test_whole_doubles_are_integers(run: type[Run]) -> None:
    made = read(
        run,
        {
            "daily_stress": [{"id": "a", "day": DAY, "stress_high": 2520.0, "recovery_high": 1e3}],
            "daily_readiness": [{"id": "a", "day": DAY, "score": 85.0, "contributors": {"hrv_balance": 71.0}}],
            "sleep_time": [{"id": "a", "day": DAY, "optimal_bedtime": {"day_tz": -28800.0, "start_offset": -5400.0}}],
            "heartrate": [{"timestamp": f"{DAY}T10:05:00.000Z", "bpm": 62.0, "timestamp_unix": 1764065100000.0}],
        },
    )

    assert made.code == 0
    assert (only(made, "daily_stress")["stress_high"], only(made, "daily_stress")["recovery_high"]) == (2520, 1000)
    readiness = only(made, "daily_readiness")
    assert (readiness["score"], readiness["contributors"], readiness["extra"]) == (85, {"hrv_balance": 71}, None)
    assert only(made, "sleep_time")["optimal_bedtime"] == {"day_tz": -28800, "start_offset": -5400}
    assert (only(made, "heartrate")["bpm"], only(made, "heartrate")["timestamp_unix"]) == (62, 1764065100000)
    numbers = [only(made, "daily_stress")["stress_high"], readiness["score"], readiness["contributors"]["hrv_balance"]]
    assert all(type(number) is int for number in numbers)


def test_a_value_that_no_column_can_store_is_null_and_kept_in_extra(run: type[Run]) -> None:
    made = read(
        run,
        {
            "daily_stress": [{"id": "a", "day": DAY, "stress_high": 4294967295, "recovery_high": 0}],
            "daily_activity": [{"id": "a", "day": DAY, "steps": 2**63}],
            "daily_sleep": [{"id": "a", "day": DAY, "score": 70.4, "contributors": {"deep_sleep": "", "timing": 9}}],
            "daily_spo2": {
                "raw": f'{{"data": [{{"id": "a", "day": "{DAY}", "spo2_percentage": {{"average": 1e400}}}}]}}'
            },
            "workout": [{"id": "a", "day": DAY, "start_datetime": f"{DAY}T25:61:00-05:00", "end_datetime": "soon"}],
        },
    )

    assert made.code == 0
    assert only(made, "daily_stress")["extra"] == {"stress_high": 4294967295}
    assert only(made, "daily_activity")["extra"] == {"steps": str(2**63)}
    assert only(made, "daily_sleep")["contributors"] == {"deep_sleep": None, "timing": 9}
    assert only(made, "daily_sleep")["extra"] == {"score": 70.4, "contributors": {"deep_sleep": ""}}
    assert only(made, "daily_spo2")["extra"] == {"spo2_percentage": {"average": "1e400"}}
    assert only(made, "workout")["extra"] == {"start_datetime": f"{DAY}T25:61:00-05:00", "end_datetime": "soon"}


def test_a_tag_without_its_day_is_loaded_and_logged(run: type[Run], caplog: pytest.LogCaptureFixture) -> None:
    good = {"id": "good", "start_day": DAY, "start_time": f"{DAY}T08:00:00-05:00"}
    odd = {"id": "odd", "day": DAY, "start_time": f"{DAY}T21:00:00-05:00"}
    with serving({"enhanced_tag": [good, odd]}) as oura:
        config = oura.config(collections=["enhanced_tag"])
        made = run(config)
        lines = [line for line in caplog.messages if "odd" in line]
        caplog.clear()
        run(config, made.state)

    assert made.code == 0
    assert {record["id"]: record["start_day"] for record in made.of("enhanced_tag", "user-1")} == {
        "good": DAY,
        "odd": DAY,
    }
    assert lines[0] == "enhanced_tag of user-1: dated by another field, as start_day is missing or no date: odd"
    assert not [line for line in caplog.messages if "odd" in line], "what is not sent again is not named again"


def test_two_documents_of_a_day_are_listed_in_response_order(run: type[Run]) -> None:
    first, second = ({"id": name, "day": DAY, "score": 80} for name in ("aa", "zz"))
    with serving({"daily_readiness": [first, second, {**first, "score": None}]}) as oura:
        config = oura.config(collections=["daily_readiness"])
        made = run(config)
        oura.answers = {"daily_readiness": [{**first, "score": None}, second]}
        again = run(config, made.state)

    assert made.ledger("daily_readiness", "user-1")[DAY]["document_ids"] == ["zz", "aa"]
    assert {record["id"]: record["score"] for record in made.of("daily_readiness", "user-1")} == {"aa": None, "zz": 80}
    assert not again.records, "another order alone is no change"


def test_gzip_and_byte_order_marks_are_read_and_malformed_responses_named(run: type[Run]) -> None:
    body = json.dumps({"data": [{"id": "a", "day": DAY, "score": 80}]}).encode()
    made = read(
        run,
        {
            "daily_sleep": {
                "b64": base64.b64encode(gzip.compress(body)),
                "headers": {"Content-Encoding": "gzip", "Content-Length": str(len(gzip.compress(body)))},
            },
            "daily_readiness": {"b64": base64.b64encode(b"\xef\xbb\xbf" + body)},
            "daily_resilience": {"raw": f'{{"data": [{{"id": "a", "day": "{DAY}"}},]}}'},
            "daily_spo2": {
                "raw": f'{{"data": [{{"id": "a", "day": "{DAY}", "spo2_percentage": {{"average": NaN}}}}]}}'
            },
        },
        max_retries=3,
    )

    assert made.code == 1
    assert [only(made, name)["score"] for name in ("daily_sleep", "daily_readiness")] == [80, 80]
    assert {failure.split(",")[0] for failure in made.failures if "user-1" in failure} == {
        "daily_resilience of user-1",
        "daily_spo2 of user-1",
    }
    assert {row["reason"] for row in made.records["collection_failures"]} == {"answer"}


def test_text_that_no_database_can_store_is_replaced_and_kept_in_extra(run: type[Run]) -> None:
    made = read(run, {"workout": [{"id": "a", "day": DAY, "label": "nul\0", "new\ud83d": {"\0": "\ud83d"}}]})

    assert only(made, "workout")["label"] == "nul\ufffd"
    assert only(made, "workout")["extra"] == {
        "label": "nul\\u0000",
        "new\\ud83d": {"\\u0000": "\\ud83d"},
    }


def test_one_odd_document_does_not_change_the_drift_of_others(run: type[Run], caplog: pytest.LogCaptureFixture) -> None:
    many = {f"field {number}\n": "violet" for number in range(3_000)}
    read(run, {"workout": [{"id": "a", "day": DAY, **many}]})

    lines = [line for line in caplog.messages if "kept in `extra`" in line]
    assert [line.split(":")[0] for line in lines] == ["workout of user-1", "workout of user-2"]
    assert max(map(len, lines)) < 500
    assert "\n" not in "".join(lines)
    assert "violet" not in "".join(lines)


@pytest.mark.skipif(not CASES, reason="OURA_CASES names no folder of cases")
@pytest.mark.parametrize("case", [*Path(CASES or os.devnull).glob("*.expected.json")], ids=lambda case: case.name)
def test_a_malformed_response_fails_only_what_its_case_lists(case: Path, run: type[Run]) -> None:
    expected = json.loads(case.read_text())
    answers = json.loads(case.with_name(case.name.replace(".expected", "")).read_text())["collections"]

    made = read(run, answers)

    failing = {name for name, outcome in expected.items() if outcome == "failure named"}
    if expected.get("run", "").startswith("partial, naming"):
        failing = set(answers)
        assert made.records["rejected_documents"]
    assert {failure.split(" of ")[0] for failure in made.failures} == failing
    for name, documents in answers.items():
        if isinstance(documents, list) and name not in failing:
            assert len(made.of(name, "user-1")) == len(documents)
