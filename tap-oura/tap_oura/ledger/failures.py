"""What a run could not read: told at its end, and kept as a stream so that a warehouse knows its own gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tap_oura.catalog import fields
from tap_oura.messages import MessageStream
from tap_oura.windows import EVER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from singer_sdk.helpers.types import Context

    from tap_oura.errors import OuraError
    from tap_oura.tap import TapOura
    from tap_oura.windows import Window

EVERY_COLLECTION = "*"
"""Stands for all collections of an account whose credentials are dead."""


@dataclass
class Failure:
    """One account's collection that could not be read, over the days in `window`."""

    user_id: str
    collection: str
    window: Window
    error: OuraError

    def __str__(self) -> str:
        what = "everything" if self.collection == EVERY_COLLECTION else self.collection
        return f"{what} of {self.user_id}, {self.window}: {self.error}"

    def continues(self, earlier: Failure) -> bool:
        """Whether this is the same failure, one window on."""
        return (self.user_id, self.collection, self.window.start, str(self.error)) == (
            earlier.user_id,
            earlier.collection,
            earlier.window.end,
            str(earlier.error),
        )

    def record(self, failed_at: str) -> dict[str, Any]:
        return {
            "user_id": self.user_id,
            "collection": self.collection,
            "reason": self.error.reason,
            "message": str(self.error),
            "start_date": self.window.start.isoformat() if self.window != EVER else None,
            "end_date": self.window.last.isoformat() if self.window != EVER else None,
            "failed_at": failed_at,
            "recovered_at": None,
        }


class CollectionFailures(MessageStream):
    """One row per account and collection that ever failed: the latest failure, and when it was over.

    The state remembers what is failing still, so that an untroubled run writes nothing here.
    """

    name = "collection_failures"
    primary_keys = ("user_id", "collection")
    _tap: TapOura
    schema: ClassVar[fields.Schema] = {
        "type": "object",
        "properties": {
            "user_id": fields.key("Account"),
            "collection": fields.key("Collection, or * for all of an account"),
            "reason": fields.text(
                "token, consent, refresh, store, scope, membership, refused, answer, server, rate_limit or unreachable"
            ),
            "message": fields.text("What happened and what to do"),
            "start_date": fields.date("First day that was not read"),
            "end_date": fields.date("Last day that was not read"),
            "failed_at": fields.text("Since when it fails, UTC"),
            "recovered_at": fields.text("When it worked again, UTC; null while it fails"),
        },
        "required": ["user_id", "collection"],
    }

    def get_records(self, context: Context | None) -> Iterable[dict[str, Any]]:  # noqa: ARG002
        now = self._tap.now().isoformat(timespec="seconds")
        before = {(row["user_id"], row["collection"]): row for row in self.stream_state.get("failing", [])}
        failing = {
            (failure.user_id, failure.collection): failure.record(
                before.get((failure.user_id, failure.collection), {}).get("failed_at", now)
            )
            for failure in self._tap.failures
        }
        for key, row in before.items():
            if key in failing:
                continue
            if self._tap.works(*key):
                yield {**row, "recovered_at": now}
            else:  # Neither asked for nor heard of in this run: what was known still holds.
                failing[key] = row
        yield from failing.values()
        self.stream_state.pop("failing", None)
        if failing:
            self.stream_state["failing"] = list(failing.values())
