"""Oura's sandbox, and documents dated outside of the days that were requested."""

from __future__ import annotations

import logging
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from oura_simulator.testing import Running
from tap_oura.catalog.collections import COLLECTIONS, DEFAULT_COLLECTIONS, Query
from tap_oura.windows import EVER, Window

from .conftest import lines
from .document_server import serving

FIXED = ("daily_cardiovascular_age", "vo2_max")
DAYS = [f"2026-03-{day:02}" for day in range(1, 32)]
BEFORE, AFTER = "2026-02-28", "2026-04-01"
"""Days that a time series is read beyond the range, so that each local day is whole."""


@pytest.fixture
def sandbox(simulator: Running, tmp_path: Path) -> dict[str, Any]:
    """The settings of somebody who has no credentials."""
    return {
        "api_url": simulator.url,
        "sandbox": True,
        "start_date": "2026-03-01",
        "end_date": "2026-03-31",
        "report_path": str(tmp_path / "report"),
    }


def test_every_collection_of_the_sandbox_is_read_without_credentials(
    run: Any, sandbox: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        made = run(sandbox)

    assert (made.code, made.failures) == (0, [])
    for name in set(DEFAULT_COLLECTIONS) - {"personal_info", "ring_configuration"}:
        cursor = str(COLLECTIONS[name].cursor)
        days = sorted({record[cursor][:10] for record in made.of(name, "sandbox")})
        read = [BEFORE, *DAYS, AFTER] if COLLECTIONS[name].query is Query.INSTANTS else DAYS
        assert days == (["2021-01-01"] if name in FIXED else read), name
        keys = [tuple(record[key] for key in COLLECTIONS[name].keys) for record in made.of(name, "sandbox")]
        assert len(keys) == len(set(keys)), name
    assert len(made.of("ring_configuration", "sandbox")) == 1
    for name in FIXED:
        count = len(made.of(name, "sandbox"))
        assert f"{name} of sandbox: {count} dated outside of the days" in caplog.text
    assert "sent all the same" in caplog.text


def test_the_run_report_counts_what_is_dated_elsewhere(run: Any, sandbox: dict[str, Any]) -> None:
    made = run(sandbox)

    counted = {line["collection"]: line for line in lines(Path(sandbox["report_path"])) if line["type"] == "collection"}
    assert {name for name, line in counted.items() if line["dated_elsewhere"]} == {*FIXED}
    for name in FIXED:
        assert counted[name]["dated_elsewhere"] == counted[name]["records"] == len(made.of(name, "sandbox")) > 0


def test_fixed_days_move_no_bookmark_and_leave_the_next_run_as_short_as_ever(run: Any, sandbox: dict[str, Any]) -> None:
    first = run(sandbox)
    second = run(sandbox, first.state)

    assert first.bookmark("vo2_max", "sandbox") is None
    assert first.bookmark("daily_sleep", "sandbox") == "2026-03-31"
    assert second.code == 0
    assert second.of("daily_sleep", "sandbox") == []
    assert {row["id"] for row in second.of("vo2_max", "sandbox")} <= {
        row["id"] for row in first.of("vo2_max", "sandbox")
    }
    assert "2021-01-01" not in first.ledger("vo2_max", "sandbox")


@pytest.mark.parametrize("odd", [{}, {"vascular_age": "unknown"}], ids=["fits", "does not fit"])
@pytest.mark.parametrize("day", ["2019-05-06", "2027-05-06"])
def test_a_document_of_another_time_is_counted_and_named_and_not_sent(
    run: Any, tmp_path: Path, day: str, odd: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    name, report = "daily_cardiovascular_age", tmp_path / "report"
    documents = [{"id": "inside", "day": "2026-03-30"}, {"id": "elsewhere", "day": day, **odd}]
    settings = {"collections": [name], "start_date": "2026-03-20", "report_path": str(report)}

    with serving({name: documents}) as served:
        made = run(served.config(**settings))

    assert made.code == 0
    assert [record["id"] for record in made.of(name, "user-1")] == ["inside"]
    assert made.bookmark(name, "user-1") == "2026-03-30"
    assert [record.message for record in caplog.records if "dated outside" in record.message] == [
        f"{name} of {user}: 1 dated outside of the days that were requested, not sent: elsewhere"
        for user in ("user-1", "user-2")
    ]
    counts = [line["dated_elsewhere"] for line in lines(report) if line["type"] == "collection"]
    assert counts == [1, 1]
    assert day not in report.read_text()


def test_the_margin_of_a_window_is_not_worth_a_word(
    run: Any, simulator: Running, config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    made = run({**config, "start_date": "2026-03-10", "end_date": "2026-03-20"})

    assert made.code == 0
    assert "dated outside" not in caplog.text


def test_a_document_may_come_from_three_days_around_its_window() -> None:
    assert Window(date(2026, 3, 10), date(2026, 3, 20)).possible == Window(date(2026, 3, 7), date(2026, 3, 23))
    assert EVER.possible == EVER
