"""Each local day of a range is whole in the tables, wherever the wearer lives, and no part of a day passes for one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from oura_collector.database.connection import Database
from oura_simulator.testing import running

from tests.collector_process import Collector

ZONES = ["America/Los_Angeles", "Pacific/Auckland"]
# From 11 April to 10 June nobody travels.
FIRST, LAST = date(2026, 5, 17), date(2026, 5, 20)
EARLIER, LATER = FIRST - timedelta(days=2), LAST + timedelta(days=2)


@pytest.fixture
def collector(make_database: Callable[[], Database], tmp_path: Path) -> Iterator[Collector]:
    with running(accounts=2, days=60, today="2026-05-25T20:00:00+00:00", timezone=ZONES) as simulator:
        mapping = "\n".join(f"{account['user']}: {account['token']}" for account in simulator.accounts)
        settings = {"MULTI_USER_MODE": "true", "USER_MAPPING": mapping, "OURA_API_TOKEN": ""}
        yield Collector(make_database(), simulator, tmp_path, settings)


def samples_of_ouras(collector: Collector, first: date, last: date) -> dict[tuple[str, date], int]:
    """The samples of each local day, by the clock of the wearer's home."""
    counted = Counter(
        (account["user"], datetime.fromisoformat(sample["timestamp"]).astimezone(ZoneInfo(account["timezone"])).date())
        for account in collector.simulator.accounts
        for sample in collector.simulator.documents(account["user"], "heartrate")
    )
    return {(user, day): count for (user, day), count in counted.items() if first <= day <= last}


def samples_of_the_table(collector: Collector) -> dict[tuple[str, date], int]:
    rows = collector.rows("SELECT user_id, date, samples FROM oura_heart_rate_daily")
    return {(row["user_id"], row["date"]): row["samples"] for row in rows}


def test_every_local_day_that_was_requested_is_whole_and_no_other_has_a_row(collector: Collector) -> None:
    collector.run("--start-date", str(FIRST), "--end-date", str(LAST))

    expected = samples_of_ouras(collector, FIRST, LAST)
    assert len(expected) == 2 * 4
    assert samples_of_the_table(collector) == expected
    assert collector.value("SELECT min(date) FROM oura_completeness") == FIRST

    # One day is left out, but its edges complete it.
    collector.run("--start-date", str(LATER), "--end-date", str(LATER))

    assert samples_of_the_table(collector) == samples_of_ouras(collector, FIRST, LATER)

    # The first run of the schedule has an outer edge too.
    collector.run("--once", TAP_OURA_START_DATE=str(EARLIER))

    assert samples_of_the_table(collector) == samples_of_ouras(collector, EARLIER, date.max)
    assert not collector.rows("SELECT FROM oura_deleted_documents")
