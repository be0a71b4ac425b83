"""Requests in flight together: more at once, the same result."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, date, datetime
from itertools import count, pairwise
from typing import Any

import pytest
from oura_simulator.testing import Running
from tap_oura.accounts import Account, Static
from tap_oura.api.ahead import WINDOWS_PER_READER, Job, ReadAhead
from tap_oura.api.limits import Limits
from tap_oura.catalog.collections import COLLECTIONS
from tap_oura.errors import BrokenAnswer
from tap_oura.tap import TapOura
from tap_oura.windows import Window

from .conftest import TODAY, Messages

TWO = Account("user-1", Static("token-1")), Account("user-2", Static("token-2"))

DAYS = [date(2026, 3, day) for day in range(1, 31)]
JOBS = [Job(COLLECTIONS["sleep"], "user-1", Window(start, end)) for start, end in pairwise(DAYS)]
TIMEOUT = 20


def documents(job: Job) -> list[dict[str, Any]]:
    return [{"day": str(job.window.start)}]


def reader(read: Callable[[Job], list[dict[str, Any]]] = documents, concurrency: int = 4) -> ReadAhead:
    return ReadAhead(iter(JOBS), read, concurrency)


def test_windows_are_returned_in_order_whichever_finishes_first() -> None:
    def read(job: Job) -> list[dict[str, Any]]:
        time.sleep(0.01 if job.window.start.day % 3 == 0 else 0)
        return documents(job)

    ahead = reader(read)

    assert [ahead.take(job) for job in JOBS] == [documents(job) for job in JOBS]


def test_as_many_windows_are_read_at_once_as_configured() -> None:
    together = threading.Barrier(4, timeout=TIMEOUT)

    def read(job: Job) -> list[dict[str, Any]]:
        if job in JOBS[:4]:
            together.wait()  # Breaks unless four threads are here at once.
        return documents(job)

    assert reader(read).take(JOBS[0]) == documents(JOBS[0])


def test_a_concurrency_of_one_reads_nothing_ahead() -> None:
    seen: list[Job] = []

    def read(job: Job) -> list[dict[str, Any]]:
        seen.append(job)
        return documents(job)

    ahead = reader(read, concurrency=1)
    ahead.take(JOBS[0])

    assert seen == JOBS[:1]


def test_only_a_few_windows_per_reader_are_kept_in_memory() -> None:
    started: list[Job] = []
    taken = threading.Event()

    def read(job: Job) -> list[dict[str, Any]]:
        started.append(job)
        if len(started) > WINDOWS_PER_READER * 2:
            taken.wait(TIMEOUT)
        return documents(job)

    ahead = reader(read, concurrency=2)
    ahead.take(JOBS[0])
    time.sleep(0.3)

    assert len(started) <= WINDOWS_PER_READER * 2 + 1
    taken.set()


def test_a_failure_affects_only_its_own_window() -> None:
    def read(job: Job) -> list[dict[str, Any]]:
        if job == JOBS[2]:
            raise BrokenAnswer("no")
        return documents(job)

    ahead = reader(read)

    for job in JOBS:
        if job == JOBS[2]:
            with pytest.raises(BrokenAnswer):
                ahead.take(job)
        else:
            assert ahead.take(job) == documents(job)


def test_abandoned_windows_are_skipped() -> None:
    ahead = reader()

    assert ahead.take(JOBS[20]) == documents(JOBS[20])
    assert ahead.take(JOBS[21]) == documents(JOBS[21])


def test_no_reader_is_left_after_the_end() -> None:
    before = threading.active_count()
    ahead = reader()
    ahead.take(JOBS[0])
    ahead.close()

    deadline = time.monotonic() + TIMEOUT
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_the_output_equals_that_of_sequential_reading(
    simulator: Running, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.fromisoformat(f"{TODAY}T20:00:00+00:00").astimezone(UTC)
    monkeypatch.setattr(TapOura, "clock", staticmethod(now.timestamp))
    simulator.fault("scope_401", user="user-2", collection="workout")

    def output(concurrency: int) -> list[Any]:
        messages: list[Any] = []

        class Everything(Messages):
            def write_message(self, message: Any) -> None:
                content = message.to_dict()
                content.pop("time_extracted", None)
                messages.append(deepcopy(content))

        settings = {**config, "collections": list(COLLECTIONS), "start_date": "2026-02-01", "concurrency": concurrency}
        with pytest.raises(SystemExit):
            TapOura(config=settings, message_writer=Everything()).sync_all()
        return [message for message in messages if message.get("stream") != "collection_failures"]

    alone = output(1)
    assert output(8) == alone
    assert len(alone) > 10_000


def test_nothing_is_read_twice_if_midnight_falls_between_plan_and_request(
    simulator: Running, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = datetime.fromisoformat(f"{TODAY}T20:00:00+00:00").timestamp()
    hours = count()
    monkeypatch.setattr(TapOura, "clock", staticmethod(lambda: begun + next(hours) * 3600))
    simulator.call("DELETE", "requests")

    TapOura(
        config={**config, "collections": ["sleep", "workout", "daily_sleep"], "start_date": "2025-09-01"},
        message_writer=Messages(),
    ).sync_all()

    requested = [(request["path"], request["query"], request["user"]) for request in simulator.requests()]
    assert len(requested) > 20
    assert len(requested) == len(set(requested))


def test_a_rate_limit_of_one_account_delays_no_other() -> None:
    limits, (one, other) = Limits(), TWO
    limits.pause(one, "user", 60)

    begun = time.monotonic()
    limits.wait(other)

    assert time.monotonic() - begun < 1


@pytest.mark.parametrize(("tier", "account"), [("user", TWO[0]), ("application", TWO[1]), ("app", TWO[0])])
def test_a_rate_limit_delays_the_accounts_that_it_applies_to(tier: str, account: Account) -> None:
    limits = Limits()
    limits.pause(TWO[0], tier, 0.3)

    begun = time.monotonic()
    limits.wait(account)

    assert time.monotonic() - begun >= 0.3
