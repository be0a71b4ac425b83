"""Middleware in front of the application: logs and delays every request, and applies faults."""

from __future__ import annotations

import asyncio
from time import time
from typing import TYPE_CHECKING

from oura_simulator import responses
from oura_simulator.collections import COLLECTIONS
from oura_simulator.faults import ANSWERS, PAGES, WIRE, Fault, Faults, HungUp
from oura_simulator.responses import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from oura_simulator.access import Access
    from oura_simulator.clock import Clock
    from oura_simulator.request_log import Entry, RequestLog

DATA = "/v2/usercollection/"


class FaultMiddleware:
    def __init__(
        self, app: ASGIApp, access: Access, clock: Clock, faults: Faults, request_log: RequestLog, latency_ms: int
    ) -> None:
        self._app = app
        self._access = access
        self._clock = clock
        self._faults = faults
        self._request_log = request_log
        self._latency = latency_ms / 1000

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/admin"):
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        entry = self._request_log.begin(
            self._clock.now(), scope["method"], path, scope["query_string"].decode("latin-1")
        )
        account = self._access.identify(_bearer(scope))
        entry.user = f"user-{account}" if account else None
        collection, document_id = _target(path)
        entry.collection = collection
        scope["entry"] = entry

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry.status = message["status"]
                message["headers"] = [*message["headers"], (b"x-trace-id", b"simulator-%d" % entry.n)]
            await send(message)

        try:
            if self._latency:
                await asyncio.sleep(self._latency)
            if self._faults.all:
                kinds = ANSWERS | WIRE if document_id or not collection else ANSWERS | WIRE | PAGES
                # The token endpoints have faults of their own; others apply there only if they name the path.
                striking = self._faults.striking(kinds, account, collection, path, not path.startswith("/v2/"))
                await self._serve(scope, receive, answer, striking, account)
            else:
                await self._app(scope, receive, answer)
        except HungUp:
            if not _has_wire(scope):
                raise
            await _hang_up(scope)
        finally:
            self._request_log.end(entry, f"{DATA}{collection}/{{id}}" if document_id else path)

    async def _serve(
        self, scope: Scope, receive: Receive, send: Send, faults: list[Fault], account: int | None
    ) -> None:
        for fault in faults:
            if fault.kind == "slow":
                await asyncio.sleep(fault.options["ms"] / 1000)
            elif fault.kind == "timeout":
                await asyncio.sleep(fault.options["seconds"])
                raise HungUp("the request timed out")
            elif fault.kind == "drop":
                raise HungUp("the connection was dropped")
            elif fault.kind in ANSWERS:
                refusal = self._refusal(fault, scope["entry"], account)
                if refusal:
                    await refusal.answer()(scope, receive, send)
                    return
        scope["page_faults"] = [fault for fault in faults if fault.kind in PAGES]
        if any(fault.kind == "cut" for fault in faults):
            await self._app(scope, receive, _cut(send))
            if not _has_wire(scope):
                raise HungUp("the answer was cut off")
        else:
            await self._app(scope, receive, send)

    def _refusal(self, fault: Fault, entry: Entry, account: int | None) -> Refusal | None:
        options = fault.options
        if fault.kind == "scope_401":
            scopes = COLLECTIONS[entry.collection].scopes if entry.collection else ()
            return responses.missing_scope(scopes[0] if scopes else "personal")
        if fault.kind == "expired_401":
            return responses.dead_token()
        if fault.kind == "rate_limit":
            limit, window = options["limit"], options["window"]
            return responses.rate_limited(options["tier"], int(time()), options["retry_after"], limit, window)
        if fault.kind == "quota":
            relief = fault.over_quota(account)
            if relief is None:
                return None
            wait = max(1, round(relief - time()))
            tier, limit, window = options["tier"], options["limit"], options["window"]
            return responses.rate_limited(tier, int(time()), wait, limit, window, reset=int(relief) + 1)
        if options["code"] == 403:
            return responses.no_membership()
        return Refusal(options["code"], {"status": options["code"], "title": "Fault", "detail": "Switched on by hand."})


def _bearer(scope: Scope) -> str:
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    value = next((value for name, value in headers if name == b"authorization"), b"")
    return value.decode("latin-1").partition(" ")[2]


def _target(path: str) -> tuple[str | None, str | None]:
    """Collection and document id of a data route."""
    if not path.startswith(DATA):
        return None, None
    collection, _, document_id = path.removeprefix(DATA).partition("/")
    return (collection if collection in COLLECTIONS else None), document_id or None


def _has_wire(scope: Scope) -> bool:
    return "transport" in scope.get("state", {})


async def _hang_up(scope: Scope) -> None:
    """Closes the connection without an answer."""
    scope["state"]["transport"].abort()
    # Two turns of the loop, so that the server has noticed before we return without an answer.
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def _cut(send: Send) -> Send:
    """Sends headers that promise all of the body, then half of it."""

    async def cut(message: Message) -> None:
        if message["type"] == "http.response.body":
            body = message.get("body", b"")
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        else:
            await send(message)

    return cut
