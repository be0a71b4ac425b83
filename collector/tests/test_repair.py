"""Which ranges are collected again: exactly the days that are missing."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product

from hypothesis import given
from hypothesis import strategies as st
from oura_collector.runs.backfill import Span
from oura_collector.runs.completeness import Day
from oura_collector.runs.repair import gaps

FIRST = date(2026, 2, 25)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def test_consecutive_days_form_one_range() -> None:
    missing = [("user-1", "sleep", day(number)) for number in (0, 1, 2, 3, 4, 7)]

    assert gaps(missing) == [
        Span(date(2026, 2, 25), date(2026, 3, 1), ("sleep",), ("user-1",)),
        Span(date(2026, 3, 4), date(2026, 3, 4), ("sleep",), ("user-1",)),
    ]


def test_collections_that_miss_the_same_days_share_a_request() -> None:
    missing = list(product(("user-1", "user-2"), ("sleep", "workout"), (day(0), day(1))))

    assert gaps(missing) == [Span(day(0), day(1), ("sleep", "workout"), ("user-1", "user-2"))]


days = st.tuples(
    st.sampled_from(["user-1", "user-2", "user-3"]), st.sampled_from(["sleep", "tag"]), st.integers(0, 20).map(day)
)


@given(st.sets(days))
def test_every_missing_day_is_read_and_no_other(missing: set[Day]) -> None:
    read: list[Day] = []
    for span in gaps(missing):
        length = (span.last - span.first).days + 1
        read += product(span.users, span.collections, [span.first + timedelta(days=n) for n in range(length)])

    assert sorted(read) == sorted(missing)
