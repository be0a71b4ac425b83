"""Documents that can be neither keyed nor dated: set aside whole, named, and kept as a stream.

A fault of Oura's that passes must not become a gap, so a window with such a document counts as not read whole until
`READINGS` of them found the same. The state of an account's collection counts them beside the bookmark, by digest:

    {"rejected": {"2f0e8b5f6a0c4c1d9b7a3e5f60718293": 2}}
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from tap_oura import fields, values
from tap_oura.errors import BrokenAnswer, listing
from tap_oura.messages import MessageStream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from singer_sdk.helpers.types import Context

    from tap_oura.tap import TapOura

logger = logging.getLogger(__name__)

READINGS = 3

MOST = 300
"""Documents of one account's collection that are sent and counted. Where there are more, no window is ever whole."""

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

    def take(self, rejected: list[Rejected]) -> tuple[list[Rejected], BrokenAnswer | None]:
        """Return which of a window's documents are to be sent, and a fault unless the window counts as whole.

        A document without a day is found by each window that may contain it, and counted once.
        """
        new, young = [], []
        for document in {document.id: document for document in rejected}.values():
            if document.id not in self._seen:
                if len(self._seen) >= MOST:
                    young.append(document)
                    continue
                before = self._before.get(document.id, 0)
                self._seen[document.id] = min(before + 1, self._readings)
                if not before or self._again:
                    new.append(document)
            if self._seen[document.id] < self._readings:
                young.append(document)
        return new, _fault(young) if young else None

    def close(self, *, whole: bool) -> None:
        """Remember the counts; of documents that this run did not find as well, unless it read all of the days."""
        counts = self._seen if whole else dict(list({**self._before, **self._seen}.items())[-MOST:])
        self._state.pop("rejected", None)
        if counts:
            self._state["rejected"] = counts


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
    _tap: TapOura
    schema: ClassVar[fields.Schema] = {
        "type": "object",
        "properties": {
            "user_id": fields.key("Account"),
            "id": fields.key("Digest of collection and content"),
            "collection": fields.text("Collection"),
            "document_id": fields.text("Oura's document id; null where it has none"),
            "reason": fields.text("Why it can be no row of its collection's table"),
            "document": fields.mapping("The document as Oura sent it"),
            "rejected_at": fields.moment("When it was found, UTC"),
        },
        "required": ["user_id", "id"],
    }

    def get_records(self, context: Context | None) -> Iterable[dict[str, Any]]:  # noqa: ARG002
        return ()

    def write(self, collection: str, user_id: str, rejected: Rejected) -> None:
        if self.selected:
            self._write_record_message(
                {
                    "user_id": user_id,
                    "id": rejected.id,
                    "collection": collection,
                    "document_id": rejected.document_id,
                    "reason": rejected.reason,
                    "document": rejected.document,
                    "rejected_at": self._tap.now().isoformat(timespec="microseconds").replace("+00:00", "Z"),
                }
            )
