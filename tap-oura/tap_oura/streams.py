"""One stream class for all collections: which days are due, what came back, and how far the bookmark moves."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from singer_sdk.helpers.conform import TypeConformanceLevel

from tap_oura import documents, settings, windows
from tap_oura.api.ahead import Job
from tap_oura.api.answers import TOO_DEEP
from tap_oura.batches import Batches, BatchStream
from tap_oura.catalog.collections import Collection, Query
from tap_oura.documents import NAMED, Documents, Read
from tap_oura.errors import (
    AccountFailed,
    BrokenAnswer,
    Forbidden,
    OuraError,
    ScopeMissing,
    SettingsError,
    Unreachable,
    listing,
)
from tap_oura.ledger import rejected
from tap_oura.ledger.days import Ledger
from tap_oura.ledger.rejected import READINGS, Rejections
from tap_oura.run import by_user
from tap_oura.windows import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context

    from tap_oura.catalog.fields import Record
    from tap_oura.ledger.days import CollectionDays, News
    from tap_oura.ledger.rejected import RejectedDocuments
    from tap_oura.run import Run

logger = logging.getLogger(__name__)

HOPELESS = (AccountFailed, ScopeMissing, Forbidden, Unreachable)
"""Faults that the account's next window would meet as well."""


@dataclass
class Reading:
    """How far one account is read: `whole` while no window before failed or lacked a document."""

    user_id: str
    context: Context
    ledger: Ledger
    rejections: Rejections
    sent: int = 0
    newest: str | None = None
    whole: bool = True
    all_read: bool = True
    elsewhere: list[str] = field(default_factory=list)
    """Ids of documents dated outside of what was requested; a sample has none."""


class OuraStream(BatchStream):
    """The documents of one collection, partitioned by account.

    A window is fetched whole before its first record is written; then the bookmark moves to the newest cursor seen and
    not further, so that a week which arrives late is still ahead of it. After a window that failed, later ones are read
    but the bookmark stays.
    """

    # Records are conformed by `documents`; the SDK's own way would drop what the schema does not know.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def __init__(
        self, tap: Tap, run: Run, collection: Collection, days: CollectionDays, rejected: RejectedDocuments
    ) -> None:
        super().__init__(tap=tap, name=collection.name, schema=collection.schema)
        self.collection = collection
        self._run, self._collection_days, self._rejected_documents = run, days, rejected
        self.primary_keys = ("user_id", *collection.keys)
        self.replication_key = collection.cursor
        self._documents = Documents(collection)
        self._jobs: dict[str, list[Job]] = {}

    @property
    def partitions(self) -> list[dict[str, Any]]:
        return [{"user_id": user_id} for user_id in self._run.accounts]

    def get_records(self, context: Context | None) -> Iterable[Record]:
        """Yield the records of one account. A fault ends this account's share of the stream and is told at the end."""
        if not context:
            return
        user_id = str(context["user_id"])
        if not (reading := self._begin(user_id, context)):
            self._report(user_id)
            return
        for job in self.plan(user_id):
            try:
                read = self._fetch(job)
            except OuraError as error:
                reading.whole = reading.all_read = False
                hopeless = isinstance(error, HOPELESS)
                last = self.plan(user_id)[-1] if hopeless else job
                self._run.report.failed(self.name, user_id, Window(job.window.start, last.window.end), error)
                if hopeless:
                    break
            else:
                yield from self._take(reading, job.window, read)
        reading.rejections.close(whole=reading.all_read)
        logger.info("%s of %s: %d records", self.name, user_id, reading.sent)
        documents.log_elsewhere(self.collection, user_id, reading.elsewhere, taken=self.config["sandbox"])
        self._report(
            user_id,
            records=reading.sent,
            newest_day=reading.newest and reading.newest[:10],
            dated_elsewhere=len(reading.elsewhere),
        )

    def _begin(self, user_id: str, context: Context) -> Reading | None:
        """Return what reading the account starts with; None where nothing of it can be read."""
        if self._run.report.dead_because(user_id):
            return None
        try:
            self.plan(user_id)
            reading = Reading(user_id, context, self._ledger(context), self._rejections(context))
        except SettingsError as error:
            self._run.report.failed(self.name, user_id, windows.EVER, error)
            return None
        self._read_at = reading.ledger.read_at
        return reading

    def _take(self, reading: Reading, window: Window, read: Read) -> Iterable[Record]:
        """Yield what a window has to send; then learn its days and move the bookmark, if nothing is missing."""
        user_id, ledger, records = reading.user_id, reading.ledger, read.records
        reading.newest = max(filter(None, (reading.newest, self._newest(records))), default=None)
        news = list(ledger.news(records, window))
        if gap := self._set_aside(user_id, read, reading.rejections, ledger, again=bool(news)):
            reading.whole = False
            self._run.report.failed(self.name, user_id, window, gap)
        if self.config["skip_unchanged"]:
            records_to_send = [record for day in news for record in day.records]
        else:
            records_to_send = records
        reading.sent += len(records_to_send)
        yield from self.send(records_to_send)
        documents.log_other_days(self.collection, user_id, read, records_to_send)
        reading.elsewhere += [str(record.get("id", "")) for record in read.elsewhere]
        if self.config["sandbox"]:
            # It dates some collections alike whatever was requested. They are news of no day, and move no bookmark.
            reading.sent += len(read.elsewhere)
            yield from self.send(read.elsewhere)
        if gap:
            return
        self._learn(user_id, news, ledger)
        if reading.whole:
            self._move_bookmark(reading.context, records)
        ledger.close(window)

    def _report(self, user_id: str, **what: Any) -> None:
        drift = self._documents.drift
        self._run.add_result(self.name, self.collection.segment, user_id, unknown_fields=len(drift), **what)
        if drift:
            text = "%s of %s: kept in `extra`, as the schema does not hold them: %s"
            logger.warning(text, self.name, user_id, listing(sorted(drift), NAMED))
            drift.clear()

    def _set_aside(
        self, user_id: str, read: Read, rejections: Rejections, ledger: Ledger, *, again: bool
    ) -> OuraError | None:
        """Send what a window rejected, and return a fault unless the window counts as whole all the same.

        `again` sends what was sent before too: beside days that no longer list it, it says that Oura still has it.
        """
        new, gap = rejections.take(read.rejected)
        rejected.log(self.name, user_id, new)
        for document in read.rejected if again and not gap else new:
            self._rejected_documents.write(self.name, user_id, document, ledger.read_at)
        return gap

    @property
    def batches(self) -> Batches | None:
        # What a map or a selection takes out of a message would stay in a file.
        is_series = self.collection.query is Query.INSTANTS
        return self._run.batches if is_series and self.sends_records_as_they_are else None

    def _learn(self, user_id: str, news: list[News], ledger: Ledger) -> None:
        """Write the rows of the days whose records were sent, before any state can tell of them."""
        for day in news:
            self._collection_days.write(ledger.row(user_id, day))
            ledger.learn(day)
            self.state_manager.is_flushed = False

    @property
    def _lookback(self) -> int:
        return max(int(self.config["lookback_days"]), self.collection.lookback)

    def _ledger(self, context: Context | None) -> Ledger:
        state = self.get_context_state(context)
        left_out = [*self.left_out, *self._collection_days.left_out, *self._rejected_documents.left_out]
        forget, now = self.config["forget_days"], self._run.now()
        return Ledger(self.collection, state, lookback=self._lookback, now=now, left_out=left_out, forget=forget)

    def _rejections(self, context: Context | None) -> Rejections:
        # A closed range without a state is read once: nobody will count its readings.
        is_read_once = bool(self.config.get("end_date")) and not self._run.state_at_start
        again = self.config["forget_days"]
        return Rejections(self.get_context_state(context), again=again, readings=1 if is_read_once else READINGS)

    def plan(self, user_id: str) -> Sequence[Job]:
        """Return what this run asks for an account, the same whenever it is asked. Raises SettingsError."""
        if user_id not in self._jobs:
            self._jobs[user_id] = [Job(self.collection, user_id, window) for window in self._due(user_id)]
        return self._jobs[user_id]

    def _due(self, user_id: str) -> Sequence[Window]:
        today = self._run.now().date()
        if self.collection.cursor is None:
            return [windows.EVER]
        bookmark = self._bookmark(user_id)
        first, last = settings.first_day(self.config, today), settings.last_day(self.config)
        if self.collection.query is Query.INSTANTS:
            first, last = windows.with_margin(first, last)
            if bookmark and bookmark < first:  # Set there on purpose, so it is an outer edge too.
                bookmark -= windows.MARGIN
        if bookmark and (since := self._partitions_at_start.get(user_id, {}).get("since")):
            # A start date that moves on with the days must not cut the lookback of whoever lagged.
            first = min(first, date.fromisoformat(since))
        whole = windows.due(
            bookmark=bookmark,
            start_date=first,
            end_date=last,
            lookback_days=self._lookback,
            today=today,
        )
        return list(windows.split(whole, self.collection.window))

    def _fetch(self, job: Job) -> Read:
        try:
            return self._documents.read(job.user_id, self._run.reader.take(job), job.window)
        except OuraError:
            raise
        except Exception as error:  # noqa: BLE001
            # One document's oddity must not stop the others. The exception's text may hold a value.
            is_deep = isinstance(error, RecursionError)
            raise BrokenAnswer(TOO_DEEP if is_deep else f"unexpected {type(error).__name__}") from None

    # The bookmark is ours to move, once per window; the SDK would move it with every record.

    def _bookmark(self, user_id: str) -> date | None:
        """Return the bookmark that the run began with, the account's own or one for the whole collection."""
        state = self._run.state_at_start.get(self.name, {})
        own = self._partitions_at_start.get(user_id, state)
        value = own.get("replication_key_value") or state.get("replication_key_value")
        try:
            return max(settings.day(str(value)), windows.EARLIEST) if value else None
        except ValueError:
            raise SettingsError("the bookmark in the state is not a date; set it to one such as 2024-01-31") from None

    @cached_property
    def _partitions_at_start(self) -> dict[str, dict[str, Any]]:
        return by_user(self._run.state_at_start.get(self.name, {}))

    @cached_property
    def _partitions(self) -> dict[str, dict[str, Any]]:
        return by_user(self.stream_state)

    def get_context_state(self, context: Context | None) -> dict[str, Any]:
        """Return an account's part of the state, to be written. The SDK would search all accounts for it each time."""
        user_id = str(context["user_id"]) if context else ""
        if user_id not in self._partitions:
            self._partitions[user_id] = super().get_context_state(context)
        return self._partitions[user_id]

    def _newest(self, records: list[Record]) -> str | None:
        """The newest cursor, never in the future."""
        cursor = self.collection.cursor
        if not records or cursor is None:
            return None
        now = self._run.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        newest: str = max(map(itemgetter(cursor), records))
        return min(newest, now[: len(newest)])

    def _move_bookmark(self, context: Context | None, records: list[Record]) -> None:
        if (newest := self._newest(records)) is None:
            return
        state = self.get_context_state(context)
        state["replication_key"] = self.collection.cursor
        state["replication_key_value"] = max(newest, str(state.get("replication_key_value") or ""))

    def _increment_stream_state(self, latest_record: Record, *, context: Context | None = None) -> None:
        pass

    def _write_starting_replication_value(self, context: Context | None) -> None:
        pass
