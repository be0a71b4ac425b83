"""Which days are read, and how they are requested."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_oura.catalog.collections import Query
from tap_oura.windows import Window, due, split

TODAY = date(2026, 3, 10)
DAYS = st.dates(date(2016, 1, 1), date(2030, 1, 1))


def first_day(bookmark: date | None, start_date: date = date(2020, 1, 1), lookback_days: int = 14) -> date:
    return due(bookmark=bookmark, start_date=start_date, end_date=None, lookback_days=lookback_days, today=TODAY).start


def test_without_a_bookmark_reading_begins_at_the_start_date() -> None:
    assert first_day(None, date(2026, 2, 8)) == date(2026, 2, 8)


def test_the_lookback_is_read_again() -> None:
    assert first_day(date(2026, 3, 9)) == date(2026, 2, 23)


def test_the_lookback_does_not_cross_the_start_date() -> None:
    assert first_day(date(2026, 3, 9), start_date=date(2026, 3, 1)) == date(2026, 3, 1)


def test_a_bookmark_before_the_start_date_is_used() -> None:
    assert first_day(date(2025, 6, 1), start_date=date(2026, 3, 1)) == date(2025, 6, 1)


def test_a_bookmark_in_the_future_does_not_shorten_the_lookback() -> None:
    assert first_day(date(2027, 1, 1)) == TODAY - timedelta(days=14)


def test_windows_reach_beyond_today_for_time_zones_ahead_of_utc() -> None:
    window = due(bookmark=None, start_date=TODAY, end_date=None, lookback_days=14, today=TODAY)
    assert TODAY + timedelta(days=1) in window


def test_an_end_date_is_the_last_day_read() -> None:
    window = due(bookmark=None, start_date=TODAY, end_date=TODAY, lookback_days=14, today=TODAY)
    assert (window.start, window.last) == (TODAY, TODAY)


def test_a_bookmark_beyond_the_end_date_leaves_nothing_to_read() -> None:
    window = due(bookmark=TODAY, start_date=date(2020, 1, 1), end_date=date(2024, 1, 31), lookback_days=14, today=TODAY)
    assert list(split(window, 30)) == []


@given(DAYS, st.integers(0, 2000), st.integers(1, 400))
def test_the_parts_of_a_window_have_no_gap_or_overlap(start: date, length: int, size: int) -> None:
    whole = Window(start, start + timedelta(days=length))

    pieces = list(split(whole, size))

    days = [piece.start + timedelta(days=i) for piece in pieces for i in range((piece.end - piece.start).days)]
    assert days == [start + timedelta(days=i) for i in range(length)]
    assert all((piece.end - piece.start).days <= size for piece in pieces)


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("offset_hours", [-12, 0, 14])
def test_a_request_contains_its_window_whether_bounds_are_inclusive_or_not(inclusive: bool, offset_hours: int) -> None:
    window = Window(date(2026, 3, 1), date(2026, 3, 8))
    requested = window.parameters(Query.DATES)
    first, last = date.fromisoformat(requested["start_date"]), date.fromisoformat(requested["end_date"])
    # A night belongs to the day of waking, so its start in UTC lies up to two days earlier or one later.
    earliest = window.start - timedelta(days=1) - timedelta(hours=max(offset_hours, 0))
    latest = window.last + timedelta(hours=24 + max(-offset_hours, 0)) if offset_hours < 0 else window.last

    assert first <= earliest
    assert latest <= last if inclusive else latest < last


def test_a_series_is_requested_by_less_than_a_month_at_a_time() -> None:
    requested = Window(date(2026, 3, 1), date(2026, 3, 29)).parameters(Query.INSTANTS)

    assert requested == {"start_datetime": "2026-02-28T23:59:59Z", "end_datetime": "2026-03-29T00:00:01Z"}
