"""What one account's collection gave: a line of the run report, for the tap that writes it and for who reads it."""

from __future__ import annotations

from dataclasses import dataclass, field

from tap_oura.catalog.collections import EVERY_COLLECTION

SUCCEEDED, FAILED, UNREAD = "succeeded", "failed", "unread"


@dataclass(frozen=True)
class CollectionResult:
    """`requests` by status or `unreachable`, the number of `records`, `newest_day` as text.

    `dated_elsewhere` counts documents dated outside of the days that were requested.
    The status `failed` comes with `reason` and `message`; `unread` stands for requests beside the reading of a
    collection.
    """

    user_id: str
    collection: str
    status: str
    reason: str | None = None
    message: str | None = None
    requests: dict[str, int] = field(default_factory=dict)
    records: int = 0
    newest_day: str | None = None
    rate_limit_remaining: int | None = None
    unknown_fields: int = 0
    dated_elsewhere: int = 0

    @property
    def failed(self) -> bool:
        return self.status == FAILED

    def __str__(self) -> str:
        return f"{spoken(self.collection)} of {self.user_id}: {self.message}"


def spoken(collection: str) -> str:
    """Return the name of a collection as messages have it."""
    return "everything" if collection == EVERY_COLLECTION else collection
