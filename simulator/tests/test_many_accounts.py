"""Ten thousand accounts in one process: each is created on first use, and the cache is bounded."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import pytest
from oura_simulator import store
from oura_simulator.testing import running

if TYPE_CHECKING:
    from .conftest import Oura

MIB = 2**20
DAYS = {"start_date": "2026-04-12", "end_date": "2026-04-14"}


def ask(oura: Oura, users: Iterable[int]) -> None:
    for user in users:
        for collection in ("daily_activity", "sleep"):
            assert oura.page(collection, user, **DAYS).status == 200


@pytest.fixture
def traced() -> Iterator[Callable[[], float]]:
    tracemalloc.start(1)
    yield lambda: tracemalloc.get_traced_memory()[0] / MIB
    tracemalloc.stop()


def test_ten_thousand_accounts_start_at_once_and_the_last_is_served() -> None:
    start = time.monotonic()
    with running(accounts=10_000, days=30, today="2026-04-15") as simulator:
        documents = simulator.documents("user-10000", "daily_activity", start="2026-04-12", end="2026-04-14")
        # Well below a second; making the accounts beforehand would take half a minute.
        assert time.monotonic() - start < 10
    assert len(simulator.accounts) == 10_000
    assert documents


def test_cached_accounts_stay_within_the_memory_limit(
    monkeypatch: pytest.MonkeyPatch, make_oura: Callable[..., Oura], traced: Callable[[], float]
) -> None:
    monkeypatch.setattr(store, "ITEM_BYTES", MIB)
    oura = make_oura(accounts=10_000)
    before = traced()

    ask(oura, range(1, 26))
    some = traced()
    ask(oura, range(5_000, 5_025))

    # Beside the documents a little is remembered, such as when each account slept; all of it has an end, too.
    assert some - before < 5
    assert traced() - some < 3
