"""What a run could read and what it could not: one result per account and collection, and the failures.

Each result is logged as a metric in the Singer SDK's own format. Where `report_path` names a file, the same goes there
as a line of JSON at once, so that whoever drives the tap need not read its log, however it ends:

    {"type": "collection", "user_id": "user-1", "collection": "daily_sleep", "status": "succeeded", "reason": null,
     "message": null, "requests": {"200": 1}, "records": 31, "newest_day": "2026-03-31", "rate_limit_remaining": null,
     "unknown_fields": 0, "dated_elsewhere": 0}
    {"type": "settings", "message": "start_date: '2024-13-01' is no date"}
    {"type": "end", "exit_code": 1}

An exit code above 128 means that somebody else ended the run: by a signal, or by not reading any more.
No line holds a token or a value that Oura measured.
"""

from __future__ import annotations

import errno
import json
import logging
import os
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from singer_sdk import metrics

from tap_oura.catalog.collections import EVERY_COLLECTION
from tap_oura.errors import AccountFailed
from tap_oura.results import FAILED, SUCCEEDED, UNREAD, CollectionResult, spoken
from tap_oura.windows import EVER, Window

if TYPE_CHECKING:
    from tap_oura.errors import OuraError

logger = logging.getLogger(__name__)


class Metric(StrEnum):
    COLLECTION_READ = "collection_read"


@dataclass
class Failure:
    """One account's collection that could not be read, over the days in `window`."""

    user_id: str
    collection: str
    window: Window
    error: OuraError

    def __str__(self) -> str:
        return f"{spoken(self.collection)} of {self.user_id}, {self.window}: {self.error}"

    def continues(self, earlier: Failure) -> bool:
        """Whether this is the same failure, one window on."""
        return (self.user_id, self.collection, self.window.start, str(self.error)) == (
            earlier.user_id,
            earlier.collection,
            earlier.window.end,
            str(earlier.error),
        )


class RunReport:
    """The results and failures of a run, given to the streams, which add theirs.

    `path` is the file that the lines go to, if any. One that cannot be written is logged once and costs nothing else.
    """

    def __init__(self, path: str | None = None) -> None:
        self.failures: list[Failure] = []
        self._path = path
        self._errors: dict[tuple[str, str], OuraError] = {}
        self._works: set[tuple[str, str]] = set()
        self._dead: dict[str, OuraError] = {}

    def failed(self, collection: str, user_id: str, window: Window, error: OuraError) -> None:
        """Note a failure; neighbouring windows that fail alike become one."""
        self._errors[user_id, collection] = error
        if isinstance(error, AccountFailed):
            collection, window = EVERY_COLLECTION, EVER
        if collection == EVERY_COLLECTION:
            self._dead.setdefault(user_id, error)
        failure = Failure(user_id, collection, window, error)
        last = self.failures[-1] if self.failures else None
        if last and failure.continues(last):
            last.window = Window(last.window.start, window.end)
        else:
            self.failures.append(failure)
            logger.error("failed: %s", failure)

    def works(self, user_id: str, collection: str) -> bool:
        """Whether this run read the collection of the account without a failure."""
        return (user_id, collection) in self._works

    @property
    def anything_works(self) -> bool:
        return bool(self._works)

    def dead_because(self, user_id: str) -> OuraError | None:
        """Return why nothing more is asked for the account; None while it is alive."""
        return self._dead.get(user_id)

    def add(
        self, collection: str, user_id: str, requests: dict[str, int], *, unread: bool = False, **what: Any
    ) -> None:
        """Report what a collection gave, failed where a failure of it was noted; for `what` see CollectionResult."""
        if unread:
            result = CollectionResult(user_id, collection, UNREAD, requests=requests)
        elif error := self._dead.get(user_id) or self._errors.get((user_id, collection)):
            result = CollectionResult(user_id, collection, FAILED, error.reason, str(error), requests, **what)
        else:
            result = CollectionResult(user_id, collection, SUCCEEDED, requests=requests, **what)
            self._works |= {(user_id, collection), (user_id, EVERY_COLLECTION)}
        self._write({"type": "collection", **asdict(result)})
        tags = asdict(result)
        context, stream, records = {"user_id": tags.pop("user_id")}, tags.pop("collection"), tags.pop("records")
        tags |= {metrics.Tag.STREAM.value: stream, metrics.Tag.CONTEXT.value: context}
        point: Any = metrics.Point("counter", Metric.COLLECTION_READ, records, tags)  # type: ignore[arg-type]
        metrics.log(metrics.get_metrics_logger(), point)

    def end(self, exit_code: int) -> None:
        self._write({"type": "end", "exit_code": exit_code})

    def settings_problem(self, message: str) -> None:
        self._write({"type": "settings", "message": message})

    def _write(self, line: dict[str, Any]) -> None:
        if not self._path:
            return
        try:
            # Opened anew for each line, written at once: nothing is lost with a process that is killed.
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                text = json.dumps(line).encode() + b"\n"
                if os.write(file, text) < len(text):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            finally:
                os.close(file)
        except OSError as error:
            logger.warning("report_path: %s: %s", error.strerror, self._path)
            self._path = None
