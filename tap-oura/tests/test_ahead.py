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
from tap_oura.api.ahead import HELD, Job, ReadAhead
from tap_oura.api.limits import Limits
from tap_oura.catalog.collections import COLLECTIONS
from tap_oura.errors import BrokenAnswer
from tap_oura.tap import TapOura
from tap_oura.windows import Window

from .conftest import TODAY, Messages

TWO = Account("user-1", Static("token-1")), Account("user-2", Static("token-2"))

DAYS = [date(2026, 3, day) for day in range(1, 31)]
JOBS = [Job(COLLECTIONS["sleep"], "user-1", Window(start, end)) for start, end in pairwise(DAYS)]
PATIENCE = 20


def documents(job: Job) -> list[dict[str, Any]]:
    return [{"day": str(job.window.start)}]


def reader(read: Callable[[Job], list[dict[str, Any]]] = documents, concurrency: int = 4) -> ReadAhead:
    return ReadAhead(iter(JOBS), read, concurrency)


def test_windows_are_handed_over_in_their_order_whatever_comes_first() -> None:
    def read(job: Job) -> list[dict[str, Any]]:
        time.sleep(0.01 if job.window.start.day % 3 == 0 else 0)
        return documents(job)

    ahead = reader(read)

    assert [ahead.take(job) for job in JOBS] == [documents(job) for job in JOBS]


def test_as_many_are_under_way_as_asked_for() -> None:
    together = threading.Barrier(4, timeout=PATIENCE)

    def read(job: Job) -> list[dict[str, Any]]:
        if job in JOBS[:4]:
            together.wait()  # Breaks unless four threads are here at once.
        return documents(job)

    assert reader(read).take(JOBS[0]) == documents(JOBS[0])


def test_one_reads_nothing_before_it_is_asked_for() -> None:
    seen: list[Job] = []

    def read(job: Job) -> list[dict[str, Any]]:
        seen.append(job)
        return documents(job)

    ahead = reader(read, concurrency=1)
    ahead.take(JOBS[0])

    assert seen == JOBS[:1]


def test_no_more_is_held_than_a_few_windows_for_each_reader() -> None:
    started: list[Job] = []
    taken = threading.Event()

    def read(job: Job) -> list[dict[str, Any]]:
        started.append(job)
        if len(started) > HELD * 2:
            taken.wait(PATIENCE)
        return documents(job)

    ahead = reader(read, concurrency=2)
    ahead.take(JOBS[0])
    time.sleep(0.3)

    assert len(started) <= HELD * 2 + 1
    taken.set()


def test_a_failure_is_its_own_windows_and_no_other() -> None:
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


def test_what_is_given_up_is_passed_over() -> None:
    ahead = reader()

    assert ahead.take(JOBS[20]) == documents(JOBS[20])
    assert ahead.take(JOBS[21]) == documents(JOBS[21])


def test_after_the_end_no_reader_is_left() -> None:
    before = threading.active_count()
    ahead = reader()
    ahead.take(JOBS[0])
    ahead.close()

    deadline = time.monotonic() + PATIENCE
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_the_output_is_the_same_as_one_after_another(
    simulator: Running, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.fromisoformat(f"{TODAY}T20:00:00+00:00").astimezone(UTC)
    monkeypatch.setattr(TapOura, "clock", staticmethod(now.timestamp))
    simulator.fault("scope_401", user="user-2", collection="workout")

    def said(concurrency: int) -> list[Any]:
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

    alone = said(1)
    assert said(8) == alone
    assert len(alone) > 10_000


def test_midnight_between_plan_and_reading_has_nothing_read_twice(
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

    asked = [(request["path"], request["query"], request["user"]) for request in simulator.requests()]
    assert len(asked) > 20
    assert len(asked) == len(set(asked))


def test_a_limit_of_one_account_holds_up_no_other() -> None:
    limits, (one, other) = Limits(), TWO
    limits.pause(one, "user", 60)

    begun = time.monotonic()
    limits.wait(other)

    assert time.monotonic() - begun < 1


@pytest.mark.parametrize(("tier", "account"), [("user", TWO[0]), ("application", TWO[1]), ("app", TWO[0])])
def test_whom_a_limit_concerns_waits(tier: str, account: Account) -> None:
    limits = Limits()
    limits.pause(TWO[0], tier, 0.3)

    begun = time.monotonic()
    limits.wait(account)

    assert time.monotonic() - begun >= 0.3
