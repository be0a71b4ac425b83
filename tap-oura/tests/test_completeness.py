"""No document is missing or duplicated: every collection, every time zone, across DST changes, any page size."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from oura_simulator.testing import Running, running
from tap_oura.catalog.collections import COLLECTIONS, Collection, Query

USERS = ["user-1", "user-2", "user-3"]
ZONES = ["America/Los_Angeles", "UTC", "Pacific/Tongatapu"]
EVERYTHING = list(COLLECTIONS)


def days(collection: Collection, start: str, end: str = "") -> dict[str, str]:
    """The range in which a collection is read: a time series a UTC day further, so that each local day is whole."""
    if collection.cursor is None:
        return {}
    margin = timedelta(days=collection.query is Query.INSTANTS)
    first = str(date.fromisoformat(start) - margin)
    return {"start": first, "end": str(date.fromisoformat(end) + margin)} if end else {"start": first}


def keys(collection: Collection, documents: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted(tuple(document[name] for name in collection.keys) for document in documents)


@pytest.mark.parametrize(
    ("page_size", "start_date"),
    [
        # One row a page makes a request of every heartbeat: three days are enough to cross the clock change.
        (1, "2026-03-27"),
        (7, "2026-03-20"),
        (1000, "2026-02-15"),
    ],
)
def test_every_document_is_read_exactly_once(page_size: int, start_date: str, run: Any) -> None:
    end_date = "2026-03-30"
    options = {"accounts": 3, "days": 60, "today": "2026-04-02T20:00:00+00:00", "timezone": ZONES}
    with running(page_size=page_size, **options) as simulator:
        made = run(
            {
                "api_url": simulator.url,
                "accounts": [{"user": a["user"], "access_token": a["token"]} for a in simulator.accounts],
                "start_date": start_date,
                "end_date": end_date,
                "collections": EVERYTHING,
            }
        )

        assert (made.code, made.failures) == (0, [])
        for collection in COLLECTIONS.values():
            for user in USERS:
                expected = simulator.documents(user, collection.segment, **days(collection, start_date, end_date))
                assert keys(collection, made.of(collection.name, user)) == keys(collection, expected)
        read = sum(len(records) for records in made.records.values())
        assert read > 1000


def test_windows_of_a_long_range_meet_without_gap_or_overlap(
    run: Any, simulator: Running, config: dict[str, Any]
) -> None:
    made = run({**config, "start_date": "2026-02-01"})

    for collection in map(COLLECTIONS.__getitem__, ("heartrate", "sleep", "daily_activity")):
        expected = simulator.documents("user-1", collection.name, **days(collection, "2026-02-01"))
        assert keys(collection, made.of(collection.name, "user-1")) == keys(collection, expected)


def test_every_value_is_the_one_that_was_sent(run: Any, simulator: Running, config: dict[str, Any]) -> None:
    made = run({**config, "collections": EVERYTHING})

    for collection in COLLECTIONS.values():
        expected = simulator.documents("user-2", collection.segment, **days(collection, "2026-03-01"))
        sent = {keys(collection, [document])[0]: document for document in expected}
        for record in made.of(collection.name, "user-2"):
            values = {name: value for name, value in record.items() if name not in ("user_id", "extra")}
            assert values == sent[keys(collection, [record])[0]]
