"""The options of the command line, and which of them exclude each other."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import click
import pytest
from oura_collector.commands.options import DAY, NAMES, TEXT, span
from oura_collector.runs.backfill import Span

JANUARY, MARCH = date(2024, 1, 31), date(2024, 3, 1)
LIVE: dict[str, Any] = {
    "once": False,
    "force": False,
    "start_date": None,
    "end_date": None,
    "collections": None,
    "users": (),
}


@pytest.mark.parametrize("how", [{}, {"once": True}, {"force": True}])
def test_without_a_start_date_it_is_a_live_run(how: dict[str, Any]) -> None:
    assert span(**LIVE | how) is None


def test_a_range_carries_its_days_collections_and_users() -> None:
    given = {"start_date": JANUARY, "end_date": MARCH, "collections": ("sleep",), "users": ("user-1",)}

    assert span(**LIVE | given) == Span(JANUARY, MARCH, ("sleep",), ("user-1",))


def test_a_range_without_an_end_ends_today() -> None:
    before = datetime.now(UTC).date()
    backfill = span(**LIVE | {"start_date": JANUARY})

    assert backfill
    assert backfill.first == JANUARY
    assert before <= backfill.last <= datetime.now(UTC).date()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"once": True, "force": True}, "--once and --force"),
        ({"end_date": MARCH}, "--end-date needs --start-date"),
        ({"collections": ("sleep",)}, "--collections needs --start-date"),
        ({"users": ("user-1",)}, "--user needs --start-date"),
        ({"start_date": JANUARY, "once": True}, "omit --once and --force"),
        ({"start_date": JANUARY, "force": True}, "omit --once and --force"),
        ({"start_date": MARCH, "end_date": JANUARY}, "is after --end-date 2024-01-31"),
    ],
)
def test_conflicting_options_are_named(given: dict[str, Any], named: str) -> None:
    with pytest.raises(click.UsageError, match=named):
        span(**LIVE | given)


@pytest.mark.parametrize("text", ["31.01.2024", "2024-02-30", "", "0001-01-01", "9999-12-31", "١٩٩٩-01-01"])
def test_an_invalid_or_out_of_range_date_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"is not a date|is out of range"):
        DAY.convert(text, None, None)


def test_collection_names_are_separated_by_commas() -> None:
    assert NAMES.convert(" sleep , tag,", None, None) == ("sleep", "tag")
    with pytest.raises(click.BadParameter, match="there is no collection 'naps'; the names are daily_activity, "):
        NAMES.convert("sleep,naps", None, None)
    with pytest.raises(click.BadParameter, match="no collection given"):
        NAMES.convert(" , ", None, None)


def test_text_is_utf_8() -> None:
    assert TEXT.convert("björn", None, None) == "björn"
    with pytest.raises(click.BadParameter, match="not UTF-8"):
        TEXT.convert("bj\udcf6rn", None, None)
