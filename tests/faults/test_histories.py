"""Whatever happened before: once the faults are over, one run makes the warehouse equal to Oura.

OURA_HISTORIES says how many random histories are tried (200). Hypothesis prints the shortest one that fails, and how to
run it again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st

from tests.faults.world import Warehouse, World

HISTORIES = int(os.environ.get("OURA_HISTORIES", "200"))

NEW_VALUES = {
    "daily_sleep": {"score": 101},
    "sleep": {"efficiency": 101},
    "workout": {"calories": None},
    "enhanced_tag": {"comment": "changed"},
    "session": {"mood": "changed"},
    "ring_battery_level": {"level": 101},
    "ring_configuration": {"size": 101},
}
COLLECTIONS = tuple(NEW_VALUES)
FAULTS = (
    "status",
    "scope_401",
    "expired_401",
    "rate_limit",
    "drop",
    "cut",
    "repeat_token",
    "empty_page",
    "missing_next_token",
    "duplicate",
    "unknown_field",
    "unknown_enum",
)
CHANGES = ("change", "delete", "recreate", "add")

share = st.floats(0, 1, width=16)
collection = st.sampled_from(COLLECTIONS)
# What is amended stays inside the lookback, whatever time a history takes: a week and six days.
days_ago = st.integers(0, 7)

step = st.one_of(
    st.tuples(st.just("edit"), st.sampled_from(CHANGES), collection, days_ago, st.integers(0, 3)),
    st.tuples(st.just("late"), collection, days_ago, st.integers(0, 3)),
    st.tuples(st.just("arrive")),
    st.tuples(st.just("undo")),
    st.tuples(st.just("fault"), st.sampled_from(FAULTS), collection, st.integers(1, 3)),
    st.tuples(st.just("calm")),
    st.tuples(st.just("later"), st.integers(1, 12)),
    st.tuples(st.just("clock_back")),
    st.tuples(st.just("run")),
    st.tuples(st.just("killed"), share, share, share),
    st.tuples(st.just("rewind"), collection),
    st.tuples(st.just("forget"), collection),
)


FAILED_AFTER_THE_CLOCK_WENT_BACK = [
    ("fault", "status", "ring_battery_level", 2),
    ("run",),
    ("clock_back",),
    ("edit", "change", "daily_sleep", 0, 0),
    ("fault", "status", "enhanced_tag", 3),
    ("edit", "delete", "enhanced_tag", 3, 0),
    ("run",),
    ("killed", 0.5654296875, 0.5654296875, 0.0),
]

CUT_SHORT_AFTER_THE_CLOCK_WENT_BACK = [
    ("late", "workout", 0, 0),
    ("run",),
    ("arrive",),
    ("edit", "change", "daily_sleep", 0, 0),
    ("clock_back",),
    ("killed", 0.0, 0.0, 0.0),
    ("killed", 0.79931640625, 0.0, 0.0),
    ("edit", "delete", "daily_sleep", 0, 0),
]


class History:
    """Plays the steps of one history."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.changes: list[int] = []

    def play(self, name: str, *arguments: Any) -> None:
        steps: dict[str, Callable[..., Any]] = {
            "edit": self.edit,
            "late": self.late,
            "arrive": lambda: self.world.edit(user="user-1", op="arrive"),
            "undo": self.undo,
            "fault": self.fault,
            "calm": self.world.clear_faults,
            "later": lambda hours: self.world.later(hours=hours),
            "clock_back": self.clock_back,
            "run": self.world.run,
            "killed": self.world.run_killed,
            "rewind": lambda stream: self.bookmark(stream, self.world.start.isoformat()),
            "forget": lambda stream: self.bookmark(stream, None),
        }
        steps[name](*arguments)

    def edit(self, change: str, stream: str, days: int, which: int) -> None:
        since = None if stream == "ring_configuration" else (self.world.oura.now - timedelta(days=days)).date()
        found = self.world.documents("user-1", stream, since)
        if not found:
            return
        document = found[which % len(found)]
        one = {name: document[name] for name in ("id", "timestamp") if name in document}
        if stream != "ring_battery_level":
            one.pop("timestamp", None)
        if change == "change":
            self.remember(self.world.edit(user="user-1", collection=stream, op="change", set=NEW_VALUES[stream], **one))
        elif change == "add" and "day" in document:
            another = {name: value for name, value in document.items() if name != "id"}
            self.remember(self.world.edit(user="user-1", collection=stream, op="add", document=another))
        elif change == "delete" or (change == "recreate" and "id" in document):
            self.remember(self.world.edit(user="user-1", collection=stream, op=change, **one))

    def late(self, stream: str, days: int, span: int) -> None:
        start = (self.world.oura.now - timedelta(days=days)).date()
        end = start + timedelta(days=span)
        self.world.edit(user="user-1", collection=stream, op="late", start=str(start), end=str(end))

    def clock_back(self) -> None:
        # Just after a kill nobody remembers what time it was.
        if not self.world.config.get("forget_days"):
            self.world.later(hours=-1)

    def remember(self, answer: Any) -> None:
        self.changes += answer["ids"]

    def undo(self) -> None:
        if self.changes:
            self.world.oura.ask("DELETE", f"edits/{self.changes.pop()}")

    def fault(self, kind: str, stream: str, times: int) -> None:
        options: dict[str, Any] = {"field": "news", "value": "?"} if kind.startswith("unknown") else {}
        self.world.fault(kind, collection=stream, times=times, **options)

    def bookmark(self, stream: str, value: str | None) -> None:
        for partition in self.world.state.get("bookmarks", {}).get(stream, {}).get("partitions", []):
            partition.pop("replication_key_value", None)
            if value and "replication_key" in partition:
                partition["replication_key_value"] = value


@settings(
    max_examples=HISTORIES,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example(steps=FAILED_AFTER_THE_CLOCK_WENT_BACK, seed=1)
@example(steps=CUT_SHORT_AFTER_THE_CLOCK_WENT_BACK, seed=1)
@given(steps=st.lists(step, min_size=2, max_size=12), seed=st.integers(1, 3))
def test_after_any_history_one_run_makes_the_warehouse_equal_to_oura(
    steps: list[tuple[Any, ...]], seed: int, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = {each for one in steps for each in one if each in COLLECTIONS} or {"sleep"}
    world = World(warehouse, monkeypatch, tuple(sorted(chosen)), seed=seed)
    history = History(world)
    for one in steps:
        history.play(*one)
        note(f"{world.oura.now:%d %b %H:%M} after {one}")

    world.clear_faults()
    world.run()

    assert world.differences() == []
    assert world.run() == []
