"""A pytest plugin: each test begins at MOMENT, by the clock of `clock.c`, which its processes share."""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path

import pytest

from tests.conftest import lane


class Clock:
    """The file that holds how many seconds the clock is ahead of the machine's."""

    def __init__(self, path: Path, moment: datetime) -> None:
        self._path, self._moment = path, moment.timestamp()
        self._draft = path.with_name("draft")

    def set(self) -> None:
        machines = time.time() - int(self._path.read_text())
        # Replaced in one step: a process that found it empty would be back in the machine's time.
        self._draft.write_text(str(round(self._moment - machines)))
        self._draft.replace(self._path)


CLOCK = Clock(Path(os.environ["CLOCK_SHIFT"]), datetime.fromisoformat(os.environ["MOMENT"]))


LANE = ""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    # Tests that share an installation must not see its clock go back: what is loaded then counts as built already.
    global LANE
    if lane(item.nodeid) != LANE:
        LANE = lane(item.nodeid)
        CLOCK.set()


def pytest_configure(config: pytest.Config) -> None:
    CLOCK.set()
    assert abs(time.time() - datetime.fromisoformat(os.environ["MOMENT"]).timestamp()) < 2, "the clock is not preloaded"
