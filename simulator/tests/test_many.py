"""Ten thousand accounts from one process: none is made before it is asked for, none is kept for ever."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from conftest import Oura
from oura_simulator import archive
from oura_simulator.testing import running

MIB = 2**20
DAYS = {"start_date": "2026-04-12", "end_date": "2026-04-14"}
HOURS = {"start_datetime": "2026-04-12T00:00:00Z", "end_datetime": "2026-04-14T00:00:00Z"}


def ask(oura, users):
    for user in users:
        for collection, span in (("heartrate", HOURS), ("daily_activity", DAYS), ("sleep", DAYS)):
            assert oura.page(collection, user, **span).status == 200


@pytest.fixture
def traced():
    tracemalloc.start(1)
    yield lambda: tracemalloc.get_traced_memory()[0] / MIB
    tracemalloc.stop()


def test_ten_thousand_accounts_are_there_in_a_moment_and_the_last_is_served():
    start = time.monotonic()
    with running(accounts=10_000, days=30, today="2026-04-15") as simulator:
        documents = simulator.documents("user-10000", "daily_activity", start="2026-04-12", end="2026-04-14")
        # Well below a second; making the accounts beforehand would take half a minute.
        assert time.monotonic() - start < 10
    assert len(simulator.accounts) == 10_000
    assert [document["day"] for document in documents] == ["2026-04-12", "2026-04-13", "2026-04-14"]


def test_memory_does_not_grow_with_the_accounts_that_were_asked(monkeypatch, traced):
    monkeypatch.setattr(archive, "ITEM_BYTES", MIB)
    monkeypatch.setattr(archive, "CHUNK_BYTES", 2 * MIB)
    oura = Oura(accounts=10_000)
    ask(oura, range(1, 61))
    before = traced()

    ask(oura, range(5_000, 5_120))

    # An account that stays takes a third of a MiB; what else is remembered, such as when each slept, is small.
    grown = traced() - before
    oura.client.close()
    assert grown < 5
