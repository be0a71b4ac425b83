"""The routes under /v2/usercollection: lists, single documents, personal info."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from oura_simulator import paging, ranges, responses
from oura_simulator.collections import COLLECTIONS, Collection
from oura_simulator.page_faults import PageFaults
from oura_simulator.paging import Page, Token
from oura_simulator.responses import Json, Refusal
from oura_simulator.settings import DOCUMENT_PAGE, SERIES_PAGE

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams
    from starlette.requests import Request
    from starlette.responses import Response

    from oura_simulator.access import Access, Caller
    from oura_simulator.store import Store

# Projection never removes these.
ALWAYS = frozenset({"id", "day"})
PERSONAL = ("age", "weight", "height", "biological_sex")


class Pages:
    """`collections` is the current table: its range rules can be changed while the simulator runs."""

    def __init__(self, store: Store, access: Access, page_size: int | None) -> None:
        self._store = store
        self._access = access
        self.page_size = page_size
        self.collections = dict(COLLECTIONS)

    async def list(self, request: Request) -> Response:
        name = request.path_params["collection"]
        collection = self.collections.get(name)
        if collection is None:
            raise responses.not_found()
        caller = self._access.caller(request.headers.get("authorization"))
        if collection.kind == "single":
            return Json(self._personal_info(caller))
        self._access.demand(caller, collection)
        return Json(self._page(request, collection, caller.account))

    async def document(self, request: Request) -> Response:
        collection = self.collections.get(request.path_params["collection"])
        if collection is None or not collection.has_documents:
            raise responses.not_found()
        caller = self._access.caller(request.headers.get("authorization"))
        self._access.demand(caller, collection)
        found = self._store.find(caller.account, collection.name, request.path_params["document_id"])
        if found is None:
            raise responses.not_found("Document not found.")
        return Json(found.body)

    def _personal_info(self, caller: Caller) -> dict[str, Any]:
        everything = self._store.profile(caller.account)
        hidden: set[str] = set()
        if "personal" not in caller.scopes:
            hidden.update(PERSONAL)
        if "email" not in caller.scopes:
            hidden.add("email")
        return {name: value for name, value in everything.items() if name not in hidden}

    def _page(self, request: Request, collection: Collection, account: int) -> bytes:
        text = request.query_params.get("next_token")
        token = (
            paging.decode(text, collection, account) if text else self._first(request.query_params, collection, account)
        )
        faults = PageFaults(request.scope.get("page_faults", ()), collection.name)
        if faults.empties and not token.follows_empty:
            return _envelope([], replace(token, follows_empty=True).encode(collection))
        page = self._read(collection, account, token)
        following = faults.following(token, page)
        parts = _projected(page.parts, token.fields) if token.fields and collection.has_fields else page.parts
        if following is None and faults.hides_end:
            return _envelope(faults.documents(parts), None, is_told=False)
        return _envelope(faults.documents(parts), following.encode(collection) if following else None)

    def _first(self, query: QueryParams, collection: Collection, account: int) -> Token:
        """The beginning of what the parameters ask for."""
        fields = query.get("fields")
        if collection.kind == "full" or (collection.kind == "instants" and _is_true(query.get("latest"))):
            return Token(account, "", "", fields, paging.START)
        start, end = (query.get(name) for name in collection.bounds)
        requested = ranges.read(collection, start, end, self._store.local_now(account))
        return Token(account, requested.start.text, requested.end.text, fields, paging.Position(requested.days[0]))

    def _read(self, collection: Collection, account: int, token: Token) -> Page:
        size = self.page_size or (SERIES_PAGE if collection.kind == "instants" else DOCUMENT_PAGE)
        # A page that begins with a document of the page before makes room for it, or paging would never end.
        size += token.position.again
        if collection.kind == "full":
            return paging.rings(self._store, account, token.position, size)
        if not token.start:
            return paging.latest(self._store, account, collection.name)
        requested = ranges.Range(collection, ranges.bound(token.start), ranges.bound(token.end))
        walk = paging.rows if collection.kind == "instants" else paging.documents
        return walk(self._store, account, requested, token.position, size)


def _is_true(text: str | None) -> bool:
    if text is None:
        return False
    if text.lower() in ("true", "1", "yes", "on"):
        return True
    if text.lower() in ("false", "0", "no", "off"):
        return False
    raise Refusal(
        422,
        {
            "detail": [
                {
                    "type": "bool_parsing",
                    "loc": ["query", "latest"],
                    "msg": "Input should be a valid boolean, unable to interpret input",
                    "input": text,
                }
            ]
        },
    )


def _envelope(parts: list[bytes], following: str | None, is_told: bool = True) -> bytes:
    data = b'{"data":[' + b",".join(parts)
    if not is_told:
        return data + b"]}"
    token = b'"' + following.encode() + b'"' if following else b"null"
    return data + b'],"next_token":' + token + b"}"


def _projected(parts: list[bytes], fields: str) -> list[bytes]:
    """Unknown names are ignored; if all are unknown, nothing is removed."""
    documents = orjson.loads(b"[" + b",".join(parts) + b"]")
    wanted = {name.strip() for name in fields.split(",")}
    return [
        orjson.dumps({name: value for name, value in document.items() if name in wanted | ALWAYS})
        if wanted & set(document)
        else orjson.dumps(document)
        for document in documents
    ]
