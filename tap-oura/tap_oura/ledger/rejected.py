"""Documents that can be neither keyed nor dated: set aside whole, named, and kept as a stream.

A fault of Oura's that passes must not become a gap, so a window with such a document counts as not read whole until
`READINGS` of them found the same, or `MOST_READINGS` in a row found one that is never the same. The state of an
account's collection counts the readings beside the bookmark, those of a document by its digest:

    {"rejected": {"2f0e8b5f6a0c4c1d9b7a3e5f60718293": 2}, "held_up": 2}
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from tap_oura.catalog import fields, values
from tap_oura.errors import BrokenAnswer, listing
from tap_oura.messages import MessageStream

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from singer_sdk.helpers.types import Context


logger = logging.getLogger(__name__)

READINGS, MOST_READINGS = 3, 12

FEW, MOST = 20, 300
"""So many documents of a window and of an account's collection are counted one by one; more are of a window as one."""

NAMED, LOGGED = 3, 10
"""Documents named in the message of a failure, and each by a line of the log."""

DIGEST_BYTES = 16

LONGEST_ID = 255


@dataclass(frozen=True)
class Rejected:
    """A document that was set aside. `id` is a digest of collection and content, `document_id` what Oura calls it."""

    id: str
    document_id: str | None
    reason: str
    document: dict[str, Any]

    @classmethod
    def of(cls, collection: str, document: dict[str, Any], reason: str) -> Rejected:
        content = values.storable(document)
        digest = blake2b(msgspec.json.encode([collection, content], order="deterministic"), digest_size=DIGEST_BYTES)
        given = content.get("id")
        is_name = isinstance(given, str | int) and not isinstance(given, bool) and given != ""
        return cls(digest.hexdigest(), str(given)[:LONGEST_ID] if is_name else None, reason, content)

    def __str__(self) -> str:
        name = "one without an id" if self.document_id is None else listing([self.document_id], 1)
        return f"{name} ({self.reason})"


class Rejections:
    """The documents that one account's collection set aside, in this run and before. `state` is changed in place.

    `again` sends what was sent before, `readings` says after how many a window counts as whole.
    """

    def __init__(self, state: dict[str, Any], *, again: bool = False, readings: int = READINGS) -> None:
        self._state = state
        before: Any = state.get("rejected")
        self._before: dict[str, int] = before if isinstance(before, dict) else {}
        self._again, self._readings = again, readings
        self._seen: dict[str, int] = {}
        held_up = state.get("held_up")
        self._held_up = held_up if isinstance(held_up, int) else 0
        self._is_held_up = False

    def take(self, rejected: list[Rejected]) -> tuple[list[Rejected], BrokenAnswer | None]:
        """Return which of a window's documents are to be sent, and a fault unless the window counts as whole.

        A document without a day is found by each window that may contain it, and counted once.
        """
        new: list[Rejected] = []
        young: list[Rejected] = []
        for key, documents in self._counted({document.id: document for document in rejected}):
            if key not in self._seen:
                before = self._before.get(key, 0)
                self._seen[key] = min(before + 1, self._readings)
                if not before or self._again:
                    new += documents
            if self._seen[key] < self._readings:
                young += documents
        self._is_held_up = self._is_held_up or bool(young)
        return new, _fault(young) if young and self._held_up < MOST_READINGS - 1 else None

    def _counted(self, documents: dict[str, Rejected]) -> list[tuple[str, list[Rejected]]]:
        """Return what is counted by one number of the state, which so stays small: a document, or all of a window."""
        if len(documents) <= FEW and len(self._seen) + len(documents) <= MOST:
            return [(key, [document]) for key, document in documents.items()]
        together = blake2b(msgspec.json.encode(sorted(documents)), digest_size=DIGEST_BYTES).hexdigest()
        return [(together, list(documents.values()))]

    def close(self, *, whole: bool) -> None:
        """Remember the counts; of documents that this run did not find as well, unless it read all of the days."""
        counts = self._seen if whole else dict(list({**self._before, **self._seen}.items())[-2 * MOST :])
        held_up = min(self._held_up + 1, MOST_READINGS - 1) if self._is_held_up else 0 if whole else self._held_up
        for name, value in (("rejected", counts), ("held_up", held_up)):
            self._state.pop(name, None)
            if value:
                self._state[name] = value


def log(collection: str, user_id: str, rejected: list[Rejected]) -> None:
    """Name the documents that are set aside for the first time."""
    for document in rejected[:LOGGED]:
        logger.warning("%s of %s: set aside in `%s`: %s", collection, user_id, RejectedDocuments.name, document)
    if left := len(rejected[LOGGED:]):
        logger.warning("%s of %s: set aside in `%s`: %d more", collection, user_id, RejectedDocuments.name, left)


def _fault(rejected: list[Rejected]) -> BrokenAnswer:
    what = "a document was" if len(rejected) == 1 else "documents were"
    named = ", ".join(map(str, rejected[:NAMED]))
    more = f" and {len(rejected) - NAMED} more" if len(rejected) > NAMED else ""
    return BrokenAnswer(f"{what} set aside in `{RejectedDocuments.name}`: {named}{more}")


class RejectedDocuments(MessageStream):
    """One row per document that was set aside, written by the stream that read it."""

    name = "rejected_documents"
    primary_keys = ("user_id", "id")
    schema: ClassVar[fields.Schema] = {
        "type": "object",
        "properties": {
            "user_id": fields.key("Account"),
            "id": fields.key("Digest of collection and content"),
            "collection": fields.text("Collection"),
            "document_id": fields.text("Oura's document id; null where it has none"),
            "reason": fields.text("Why it can be no row of its collection's table"),
            "document": fields.mapping("The document as Oura sent it"),
            "rejected_at": fields.moment("When it was found last, of the readings that wrote anything, UTC"),
        },
        "required": ["user_id", "id"],
    }

    def get_records(self, context: Context | None) -> Iterable[dict[str, Any]]:  # noqa: ARG002
        return ()

    def write(self, collection: str, user_id: str, rejected: Rejected, read_at: datetime) -> None:
        """Send a document again, or for the first time: it was read when the days of its window were."""
        if self.selected:
            self._write_record_message(
                {
                    "user_id": user_id,
                    "id": rejected.id,
                    "collection": collection,
                    "document_id": rejected.document_id,
                    "reason": rejected.reason,
                    "document": rejected.document,
                    "rejected_at": read_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
                }
            )
