"""What a run could not read, kept as a stream so that a warehouse knows its own gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tap_oura.catalog import fields
from tap_oura.catalog.collections import COLLECTIONS, EVERY_COLLECTION
from tap_oura.messages import MessageStream
from tap_oura.windows import EVER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context

    from tap_oura.accounts import Account
    from tap_oura.report import Failure, RunReport


class CollectionFailures(MessageStream):
    """One row per account and collection that ever failed: the latest failure, and when it was over.

    Its days reach from the first window that failed to the last; those in between may have been read.

    The state remembers what is failing still, so that a run sends only what began, changed or ended.
    """

    name = "collection_failures"
    primary_keys = ("user_id", "collection")
    schema: ClassVar[fields.Schema] = {
        "type": "object",
        "properties": {
            "user_id": fields.key("Account"),
            "collection": fields.key("Collection, or * for all of an account"),
            "reason": fields.text(
                "token, consent, refresh, store, scope, membership, refused, answer, server, rate_limit or unreachable"
            ),
            "message": fields.text("What happened and what to do"),
            "collections": fields.text("With *: the collections that the run asked for, separated by commas"),
            "start_date": fields.date("First day that was not read"),
            "end_date": fields.date("Last day that was not read"),
            "failed_at": fields.text("Since when it fails, UTC"),
            "recovered_at": fields.text("When it worked again or the settings left it out, UTC; null while it fails"),
        },
        "required": ["user_id", "collection"],
    }

    def __init__(
        self, tap: Tap, report: RunReport, now: Callable[[], datetime], everybody: Callable[[], list[Account]]
    ) -> None:
        super().__init__(tap)
        self._report, self._now, self._everybody = report, now, everybody

    def get_records(self, context: Context | None) -> Iterable[dict[str, Any]]:  # noqa: ARG002
        now = self._now().isoformat(timespec="seconds")
        before = dict(self._failing_before())
        failing: dict[tuple[str, str], dict[str, Any]] = {}
        for failure in self._report.failures:
            key = (failure.user_id, failure.collection)
            row = self._row(failure, before.get(key, {}).get("failed_at", now))
            if key in failing:  # An earlier window failed too.
                row["start_date"] = failing[key]["start_date"]
            failing[key] = row
        for key, row in before.items():
            if key in failing:
                continue
            if self._report.works(*key) or self._is_left_out(*key):
                yield {**row, "recovered_at": now}
            else:  # Not asked for in this run: what was known still holds.
                failing[key] = row
        yield from (row for key, row in failing.items() if row != before.get(key) or self.config["forget_days"])
        self.stream_state.pop("failing", None)
        if failing:
            self.stream_state["failing"] = list(failing.values())

    def _failing_before(self) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
        """Yield the rows in the state by account and collection. A state that was edited by hand may hold others."""
        kept = self.stream_state.get("failing")
        for row in kept if isinstance(kept, list) else ():
            if isinstance(row, dict) and all(isinstance(row.get(name), str) for name in self.primary_keys):
                yield (row["user_id"], row["collection"]), row

    def _is_left_out(self, user_id: str, collection: str) -> bool:
        """Whether the settings no longer ask for it, so that nobody could ever see it work again."""
        if user_id not in {account.label for account in self._everybody()}:
            return True
        stream = self._tap.streams.get(collection)
        return collection != EVERY_COLLECTION and not (stream and stream.selected)

    def _row(self, failure: Failure, failed_at: str) -> dict[str, Any]:
        asked = sorted(name for name, stream in self._tap.streams.items() if stream.selected and name in COLLECTIONS)
        whole = failure.collection == EVERY_COLLECTION
        return {
            "user_id": failure.user_id,
            "collection": failure.collection,
            "reason": failure.error.reason,
            "message": str(failure.error),
            "collections": ", ".join(asked) if whole else None,
            "start_date": failure.window.start.isoformat() if failure.window != EVER else None,
            "end_date": failure.window.last.isoformat() if failure.window != EVER else None,
            "failed_at": failed_at,
            "recovered_at": None,
        }
