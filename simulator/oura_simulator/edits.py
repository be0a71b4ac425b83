"""Edits of the generated data: rescored, deleted, late, confirmed, recreated. Each edit is a small value."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import orjson

from oura_simulator.generators import ids
from oura_simulator.generators.item import Document, Item

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Edit:
    """One change to the documents of one account.

    Days bound it on both sides (None: unbounded); `document_id` or, for series, `timestamp` and `source` narrow it to
    one document. `collection` None, allowed for `late` only, means all. `visible_from` is epoch seconds.
    """

    id: int
    account: int
    collection: str | None
    op: str
    first: date | None = None
    last: date | None = None
    document_id: str | None = None
    timestamp: str | None = None
    source: str | None = None
    set: Document = field(default_factory=dict)
    unset: tuple[str, ...] = ()
    document: Document | None = None
    visible_from: int | None = None

    def covers(self, day: date | None) -> bool:
        """Return whether the edit applies to the day; to None, a document without one, only if it has no days."""
        if day is None:
            return self.first is None and self.last is None
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)

    def concerns(self, document: Document) -> bool:
        return (
            self.document_id in (None, document.get("id"))
            and self.timestamp in (None, document.get("timestamp"))
            and self.source in (None, document.get("source"))
        )

    def described(self) -> dict[str, Any]:
        shown = {name: value for name, value in asdict(self).items() if value not in (None, {}, ())}
        return shown | {"user": f"user-{shown.pop('account')}"}


class Edits:
    """All edits, in order; later ones apply to the result of earlier ones."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._edits: dict[int, list[Edit]] = {}
        self._next = 1

    def add(self, **values: Any) -> Edit:
        edit = Edit(id=self._next, **values)
        self._next += 1
        self._edits.setdefault(edit.account, []).append(edit)
        return edit

    def all(self) -> list[Edit]:
        return sorted((edit for edits in self._edits.values() for edit in edits), key=lambda edit: edit.id)

    def clear(self) -> None:
        self._edits = {}

    def remove(self, unwanted: Callable[[Edit], bool]) -> list[Edit]:
        removed = [edit for edit in self.all() if unwanted(edit)]
        for edit in removed:
            self._edits[edit.account].remove(edit)
        return removed

    def _for(self, account: int, collection: str, day: date | None) -> list[Edit]:
        edits = self._edits.get(account)
        if not edits:
            return []
        return [edit for edit in edits if edit.collection in (collection, None) and edit.covers(day)]

    def touches(self, account: int, collection: str, day: date) -> bool:
        return bool(self._for(account, collection, day))

    def day_of_added(self, document_id: str) -> date | None:
        for edit in self.all():
            if edit.document and edit.document.get("id") == document_id:
                return edit.first
        return None

    def apply(self, account: int, collection: str, day: date | None, items: list[Item], now: int) -> list[Item]:
        for edit in self._for(account, collection, day):
            if edit.op == "add" and edit.document is not None and day is not None:
                items = [*items, _added(edit.document, day, collection)]
            else:
                items = [
                    kept
                    for item in items
                    for kept in ([self._edited(edit, item, now)] if edit.concerns(item.document) else [item])
                    if kept
                ]
        return items

    def _edited(self, edit: Edit, item: Item, now: int) -> Item | None:
        if edit.op == "delete" or (edit.op == "late" and _is_hidden(edit, now)):
            return None
        if edit.op == "late":
            return item
        if edit.op == "recreate":
            fresh = self._fresh_id(item.id)
            return replace(item, id=fresh, body=orjson.dumps(item.document | {"id": fresh}))
        return replace(item, body=orjson.dumps(_changed(edit, item.document)))

    def _fresh_id(self, document_id: str) -> str:
        address = ids.decode(self._seed, document_id)
        if address is None:
            return f"{document_id}-again"
        return ids.encode(self._seed, replace(address, generation=(address.generation + 1) % 8))

    def apply_profile(self, account: int, document: Document) -> Document:
        for edit in self._for(account, "personal_info", None):
            document = _changed(edit, document) if edit.op == "change" else document
        return document

    def apply_rows(
        self, account: int, collection: str, day: date, documents: list[Document], now: int
    ) -> list[Document]:
        for edit in self._for(account, collection, day):
            if edit.op == "add" and edit.document is not None:
                documents = [*documents, edit.document]
            elif edit.op == "change":
                documents = [_changed(edit, d) if edit.concerns(d) else d for d in documents]
            elif edit.op == "delete" or _is_hidden(edit, now):
                documents = [d for d in documents if not edit.concerns(d)]
        return documents


def _is_hidden(edit: Edit, now: int) -> bool:
    return edit.op == "late" and (edit.visible_from is None or now < edit.visible_from)


def _changed(edit: Edit, document: Document) -> Document:
    merged = document | edit.set
    return {name: value for name, value in merged.items() if name not in edit.unset}


def _added(document: Document, day: date, collection: str) -> Item:
    begins = document.get("bedtime_start") or document.get("start_datetime") or f"{day.isoformat()}T00:00:00+00:00"
    instant = datetime.fromisoformat(begins)
    epoch = int((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp())
    wall = 4 * 3600 if collection == "daily_activity" else 0
    return Item(document["id"], day, epoch, orjson.dumps(document), 0, None, wall)
