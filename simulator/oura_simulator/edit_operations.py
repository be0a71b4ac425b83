"""Requests for edits over the admin route: validated, and turned into the edits that `edits` stores."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from oura_simulator.collections import COLLECTIONS
from oura_simulator.edits import Edit, Edits
from oura_simulator.generators import ids, scores
from oura_simulator.settings import parse_instant

if TYPE_CHECKING:
    from collections.abc import Callable

    from oura_simulator.generators.item import Document
    from oura_simulator.store import Store

OPERATIONS = (
    "add",
    "arrive",
    "change",
    "confirm_nap",
    "delete",
    "late",
    "mark_deleted",
    "recreate",
    "rescore",
    "unfinished",
)
SELECTORS = frozenset({"id", "day", "start", "end", "timestamp", "source"})
EXTRA: dict[str, frozenset[str]] = {
    "add": frozenset({"document"}),
    "change": frozenset({"set", "unset"}),
    "late": frozenset({"visible_from"}),
    "rescore": frozenset({"score"}),
    "unfinished": frozenset({"missing"}),
}


class EditOperations:
    """Raises ValueError, with a message, for an invalid edit."""

    def __init__(self, store: Store, edits: Edits, seed: int, account: Callable[[Any], int]) -> None:
        self._store = store
        self._edits = edits
        self._seed = seed
        self._account = account

    def make(self, body: dict[str, Any]) -> list[Edit]:
        """Apply one edit and return the stored edits (for `arrive`, the removed ones). Raises ValueError."""
        op = body.get("op")
        if op not in OPERATIONS:
            raise ValueError(f"op must be one of {', '.join(OPERATIONS)}")
        unknown = set(body) - SELECTORS - EXTRA.get(op, frozenset()) - {"user", "collection", "op"}
        if unknown:
            raise ValueError(f"{op} does not know {', '.join(sorted(unknown))}")
        account = self._account(body.get("user"))
        if op == "confirm_nap":
            return self._confirm_nap(account, body)
        collections = _collections(body.get("collection"), op)
        if op == "arrive":
            first, last = _days(body)
            return self._edits.remove(
                lambda edit: (
                    edit.op == "late"
                    and edit.account == account
                    and (collections == [None] or edit.collection in collections)
                    and (last is None or edit.first is None or edit.first <= last)
                    and (first is None or edit.last is None or edit.last >= first)
                )
            )
        return [edit for collection in collections for edit in self._one(account, collection, op, body)]

    def _one(self, account: int, collection: str | None, op: str, body: dict[str, Any]) -> list[Edit]:
        first, last = _days(body)
        if op == "late":
            instant = body.get("visible_from")
            seen = int(parse_instant(instant).timestamp()) if instant else None
            return [
                self._edits.add(
                    account=account, collection=collection, op=op, first=first, last=last, visible_from=seen
                )
            ]
        if collection is None:
            raise ValueError("collection is missing")
        if op == "add":
            return [self._add(account, collection, body)]
        where: dict[str, Any] = {
            "document_id": body.get("id"),
            "timestamp": body.get("timestamp"),
            "source": body.get("source"),
        }
        if where["document_id"]:
            first = last = self._day_of(account, collection, where["document_id"])
        elif where["timestamp"]:
            first = last = parse_instant(where["timestamp"]).date()
        elif first is None and COLLECTIONS[collection].kind in ("dates", "instants"):
            raise ValueError("say which documents: id, day, start and end, or timestamp")
        if op != "change" and COLLECTIONS[collection].kind == "single":
            raise ValueError(f"{collection} can be changed only")
        if op == "recreate" and COLLECTIONS[collection].kind == "instants":
            raise ValueError("rows have no id, so that none can be created anew")
        found = list(self._selected(account, collection, first, last, where))
        if not found:
            raise ValueError("there is no such document now")
        base = {"account": account, "collection": collection, "first": first, "last": last, **where}
        if op in ("delete", "recreate"):
            return [self._edits.add(op=op, **base)]
        return [self._edits.add(op="change", **base, **_change(op, collection, found, body))]

    def _selected(
        self, account: int, collection: str, first: date | None, last: date | None, where: dict[str, Any]
    ) -> list[Document]:
        probe = Edit(0, account, collection, "change", first, last, **where)
        return [d for d in self._store.documents(account, collection, first, last) if probe.concerns(d)]

    def _day_of(self, account: int, collection: str, document_id: str) -> date | None:
        if collection == "ring_configuration":
            return None
        address = ids.decode(self._seed, document_id)
        if address and (address.account, address.collection) == (account, collection):
            return address.day
        day = self._edits.day_of_added(document_id)
        if day is None:
            raise ValueError("there is no such document")
        return day

    def _add(self, account: int, collection: str, body: dict[str, Any]) -> Edit:
        row = COLLECTIONS[collection]
        document = body.get("document")
        if not isinstance(document, dict) or row.kind not in ("dates", "instants"):
            raise ValueError("add needs a document and a collection with days")
        cursor = document.get(row.cursor)
        if not isinstance(cursor, str):
            raise ValueError(f"the document needs {row.cursor}")
        if row.kind == "instants":
            instant = parse_instant(cursor)
            document = {"timestamp_unix": int(instant.timestamp() * 1000)} | document
            day = instant.date()
        else:
            day = date.fromisoformat(cursor)
            # Generated documents never use high positions.
            position = 255 - len([edit for edit in self._edits.all() if edit.op == "add"]) % 128
            document = {"id": ids.encode(self._seed, ids.Address(account, collection, day, position))} | document
        return self._edits.add(account=account, collection=collection, op="add", first=day, last=day, document=document)

    def _confirm_nap(self, account: int, body: dict[str, Any]) -> list[Edit]:
        """The wearer says that a period was sleep after all: it counts, and the day's scores rise."""
        day = self._day_of(account, "sleep", body["id"]) if body.get("id") else _days(body)[0]
        if day is None:
            raise ValueError("confirm_nap needs a day or an id")
        naps = [
            document
            for document in self._store.documents(account, "sleep", day, day)
            if document["type"] not in ("long_sleep", "sleep") and body.get("id") in (None, document["id"])
        ]
        if not naps:
            raise ValueError(f"there is no unconfirmed sleep on {day}")
        bonus = {"daily_sleep": scores.NAP_SLEEP_BONUS, "daily_readiness": scores.NAP_READINESS_BONUS}
        confirmed = {
            "type": "sleep",
            "sleep_score_delta": bonus["daily_sleep"],
            "readiness_score_delta": bonus["daily_readiness"],
        }
        same = {"account": account, "op": "change", "first": day, "last": day}
        made = [self._edits.add(collection="sleep", document_id=naps[0]["id"], set=confirmed, **same)]
        for collection, points in bonus.items():
            for document in self._store.documents(account, collection, day, day):
                if document["score"] is not None:
                    score = min(100, document["score"] + points)
                    made.append(self._edits.add(collection=collection, set={"score": score}, **same))
        return made


def _change(op: str, collection: str, found: list[Document], body: dict[str, Any]) -> dict[str, Any]:
    """`set` and `unset` of an operation that alters documents in place."""
    if op == "mark_deleted":
        _only_sleep(op, collection)
        return {"set": {"type": "deleted"}}
    if op == "unfinished":
        _only_sleep(op, collection)
        return {"unset": ("bedtime_end",)} if body.get("missing") else {"set": {"bedtime_end": None}}
    if op == "rescore":
        if "score" not in found[0]:
            raise ValueError(f"{collection} has no score")
        old = found[0]["score"]
        return {"set": {"score": body.get("score", 70 if old is None else old - 5 if old > 50 else old + 5)}}
    changes, dropped = body.get("set", {}), body.get("unset", [])
    if not isinstance(changes, dict) or not (changes or dropped):
        raise ValueError("change needs set, an object, or unset, a list of fields")
    row = COLLECTIONS[collection]
    fixed = {"id", row.cursor} & (set(changes) | set(dropped))
    if fixed:
        raise ValueError(f"{', '.join(sorted(fixed))} cannot be changed: delete the document and add another")
    return {"set": changes, "unset": tuple(dropped)}


def _only_sleep(op: str, collection: str) -> None:
    if collection != "sleep":
        raise ValueError(f"{op} is for sleep only")


def _collections(named: Any, op: str) -> list[str | None]:
    if named is None and op in ("late", "arrive"):
        return [None]
    names = [named] if isinstance(named, str) else named
    if not isinstance(names, list) or not names or any(name not in COLLECTIONS for name in names):
        raise ValueError("collection must name a collection, or be a list of such names")
    return list(names)


def _days(body: dict[str, Any]) -> tuple[date | None, date | None]:
    texts = (body.get("day", body.get("start")), body.get("day", body.get("end")))
    try:
        first, last = (date.fromisoformat(text) if text else None for text in texts)
    except (TypeError, ValueError):
        raise ValueError("day, start and end are dates like 2026-03-01") from None
    return first, last
