"""Defers signals until a refresh is over: an exception in between would lose the response."""

from __future__ import annotations

import atexit
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

STOPS = [getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name)]

_elsewhere: set[int] = set()
_one_is_over = threading.Condition()


@contextmanager
def deferred_signals() -> Iterator[None]:
    """Defer the signals that end a process until the end of the block.

    Python runs handlers in the main thread only. Other threads are waited for when the process ends.
    """
    if threading.current_thread() is not threading.main_thread():
        with _awaited():
            yield
        return
    came: list[int] = []

    def hold(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        came.append(number)

    before = {number: signal.signal(number, hold) for number in STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        for number in came:
            signal.raise_signal(number)


@contextmanager
def _awaited() -> Iterator[None]:
    me = threading.get_ident()
    with _one_is_over:
        _elsewhere.add(me)
    try:
        yield
    finally:
        with _one_is_over:
            _elsewhere.discard(me)
            _one_is_over.notify_all()


@atexit.register
def _wait_for_the_others() -> None:
    if _elsewhere:
        for number in STOPS:
            signal.signal(number, signal.SIG_IGN)
    with _one_is_over:
        _one_is_over.wait_for(lambda: not _elsewhere)
