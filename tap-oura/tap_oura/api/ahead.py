"""Reads windows ahead of the stream that will request them: several in parallel, returned in order."""

from __future__ import annotations

import queue
import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_oura.catalog.collections import Collection
    from tap_oura.windows import Window

    Documents = list[dict[str, Any]]

WINDOWS_PER_READER = 2
"""Windows in progress or waiting to be taken, per reader: enough that one slow response leaves no reader idle."""


@dataclass(frozen=True)
class Job:
    """One window of one account's collection."""

    collection: Collection
    user_id: str
    window: Window


class ReadAhead:
    """Keeps `concurrency` readers busy along a plan. With one, nothing is read before it is requested.

    `plan` yields the jobs in the order in which they will be taken; taking a later one abandons those before it.
    `read` is called by the readers' threads and returns the documents of a job, or raises what `take` will raise.
    """

    def __init__(self, plan: Iterator[Job], read: Callable[[Job], Documents], concurrency: int) -> None:
        self._plan = plan
        self._read = read
        self._most = WINDOWS_PER_READER * concurrency
        self._ahead: deque[tuple[Job, Future[Documents]]] = deque()
        self._waiting: queue.SimpleQueue[tuple[Job, Future[Documents]] | None] = queue.SimpleQueue()
        # A daemon does not keep a process alive that is to stop: what is in progress is not worth waiting for.
        readers = concurrency if concurrency > 1 else 0
        self._readers = [threading.Thread(target=self._work, daemon=True) for _ in range(readers)]
        for reader in self._readers:
            reader.start()

    def take(self, job: Job) -> Documents:
        """Return the documents of a job, once they are read. Raises what `read` raises."""
        if not self._readers:
            return self._read(job)
        while True:
            self._fill()
            if not self._ahead:
                return self._read(job)
            planned, future = self._ahead.popleft()
            if planned == job:
                self._fill()
                return future.result()
            future.cancel()

    def close(self) -> None:
        """End the readers, each after the window that it is reading."""
        while self._ahead:
            self._ahead.popleft()[1].cancel()
        for _ in self._readers:
            self._waiting.put(None)

    def _fill(self) -> None:
        while len(self._ahead) < self._most and (job := next(self._plan, None)):
            future: Future[Documents] = Future()
            self._ahead.append((job, future))
            self._waiting.put((job, future))

    def _work(self) -> None:
        while next_one := self._waiting.get():
            job, future = next_one
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(self._read(job))
                except BaseException as error:  # noqa: BLE001
                    future.set_exception(error)
