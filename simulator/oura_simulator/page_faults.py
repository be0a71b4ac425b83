"""The effect of active faults on one page of a list."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from oura_simulator import paging

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oura_simulator.faults import Fault
    from oura_simulator.paging import Page, Token

# The field that a new enum value appears in, when the fault does not name one.
ENUMS = {
    "daily_resilience": "level",
    "daily_stress": "day_summary",
    "enhanced_tag": "tag_type_code",
    "heartrate": "source",
    "ring_configuration": "color",
    "session": "type",
    "sleep": "type",
    "sleep_time": "status",
    "workout": "source",
}


class PageFaults:
    """The faults that apply to one request; without any, pages are unchanged."""

    def __init__(self, faults: Iterable[Fault], collection: str) -> None:
        self._by_kind = {fault.kind: fault for fault in faults}
        self._collection = collection

    @property
    def empties(self) -> bool:
        return "empty_page" in self._by_kind

    @property
    def hides_end(self) -> bool:
        return "missing_next_token" in self._by_kind

    def following(self, token: Token, page: Page) -> Token | None:
        """Return the token that the page returns."""
        if "repeat_token" in self._by_kind:
            return token
        is_last_again = token.position.again and page.next is None
        if "duplicate" in self._by_kind and page.last and not is_last_again:
            return replace(token, position=paging.again(page.last), follows_empty=False)
        return replace(token, position=page.next, follows_empty=False) if page.next else None

    def documents(self, parts: list[bytes]) -> list[bytes]:
        """Return the encoded documents with those that faults add or repeat."""
        for kind in ("unknown_field", "unknown_enum"):
            if kind in self._by_kind:
                options = self._by_kind[kind].options
                parts = _with_value(parts, options["field"] or ENUMS.get(self._collection), options["value"])
        return parts


def _with_value(parts: list[bytes], name: str | None, value: Any) -> list[bytes]:
    if name is None:
        return parts
    return [orjson.dumps(document | {name: value}) for document in orjson.loads(b"[" + b",".join(parts) + b"]")]
