"""What was asked of Oura and what came of it: counted per request, told once per account and collection.

The telling is one line in the SDK's own format for metrics, so that whoever runs the tap can keep the books:

    METRIC: {"type": "counter", "metric": "collection_read", "value": 31, "tags": {"stream": "daily_sleep",
        "context": {"user_id": "user-1"}, "status": "succeeded", "requests": {"200": 1}, ...}}

`value` is the number of records. No line holds a token or a value that Oura measured.
"""

from __future__ import annotations

import threading
from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from singer_sdk import metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_oura.errors import OuraError


class Metric(StrEnum):
    COLLECTION_READ = "collection_read"


class Traffic:
    """Requests by account, path segment and outcome, which is a status or `unreachable`; each is taken once.

    Safe to be used by several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: dict[tuple[str, str], Counter[str]] = {}
        self._remaining: dict[str, int] = {}

    def note(self, account: str, segment: str, outcome: str, remaining: str | None = None) -> None:
        with self._lock:
            self._requests.setdefault((account, segment), Counter())[outcome] += 1
            # Oura need not say what is left; a refusal says that nothing is, and a later answer that this is over.
            self._remaining.pop(account, None)
            if (remaining or "").isdigit() or outcome == "429":
                self._remaining[account] = int(remaining or 0)

    def take(self, account: str, segment: str) -> dict[str, int]:
        """Return the requests not taken before, by outcome."""
        with self._lock:
            return dict(self._requests.pop((account, segment), {}))

    def remaining(self, account: str) -> int | None:
        """Return what is left of the account's quota, as far as the last answer tells."""
        return self._remaining.get(account)

    def rest(self) -> Iterator[tuple[str, str, dict[str, int]]]:
        """Yield account, segment and requests of all that was not taken: who am I, is the token alive."""
        for account, segment in list(self._requests):
            yield account, segment, self.take(account, segment)


def tell(
    collection: str,
    user_id: str,
    *,
    requests: dict[str, int],
    records: int = 0,
    newest_day: str | None = None,
    error: OuraError | None = None,
    unread: bool = False,
    remaining: int | None = None,
    unknown_fields: int = 0,
) -> None:
    """Log what one collection of one account gave. `unread` stands for requests beside the reading of a collection."""
    tags: dict[str, Any] = {
        metrics.Tag.STREAM.value: collection,
        metrics.Tag.CONTEXT.value: {"user_id": user_id},
        metrics.Tag.STATUS.value: "unread" if unread else "failed" if error else "succeeded",
        "reason": error.reason if error else None,
        "message": str(error) if error else None,
        "requests": requests,
        "newest_day": newest_day,
        "rate_limit_remaining": remaining,
        "unknown_fields": unknown_fields,
    }
    metrics.log(metrics.get_metrics_logger(), metrics.Point("counter", Metric.COLLECTION_READ, records, tags))  # type: ignore[arg-type]
