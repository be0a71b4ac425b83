"""The admin routes: expected data, requests, faults, edits, clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, get_args

import orjson
from starlette.routing import Route

from oura_simulator.accounts import Provider
from oura_simulator.collections import COLLECTIONS, SCOPES
from oura_simulator.faults import KINDS, OPTIONS
from oura_simulator.responses import Json, Refusal
from oura_simulator.settings import parse_instant

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from oura_simulator.simulator import Simulator

CONCERNED = {"kind", "user", "collection", "path", "times", "skip"}
Body = dict[str, Any]


class Admin:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def routes(self) -> list[Route]:
        posts: dict[str, Callable[[Body], Any]] = {
            "clock": self._set_clock,
            "scopes": self._set_scopes,
            "revoke": self._revoke,
            "restore": self._restore,
            "expire": self._expire,
            "membership": self._set_membership,
            "oauth": self._set_oauth,
            "ranges": self._set_ranges,
            "faults": self._add_fault,
            "edits": self._add_edit,
            "reset": self._reset,
        }
        gets: dict[str, Callable[[Request], Any]] = {
            "requests": self._requests,
            "requests/count": lambda _: self._simulator.request_log.totals(),
            "accounts": self._accounts,
            "documents/{user}/{collection}": self._documents,
            "faults": lambda _: [fault.described() for fault in self._simulator.faults.all],
            "edits": lambda _: [edit.described() for edit in self._simulator.edits.all()],
            "clock": lambda _: self._now(),
        }
        deletes: dict[str, Callable[[Request], Any]] = {
            "requests": lambda _: self._simulator.request_log.clear(),
            "faults": lambda _: self._simulator.faults.clear(),
            "faults/{id:int}": self._remove_fault,
            "edits": lambda _: self._simulator.edits.clear(),
            "edits/{id:int}": self._remove_edit,
        }
        return [
            *(Route(f"/admin/{path}", _posted(do), methods=["POST"]) for path, do in posts.items()),
            *(Route(f"/admin/{path}", _asked(do), methods=["GET"]) for path, do in gets.items()),
            *(Route(f"/admin/{path}", _asked(do), methods=["DELETE"]) for path, do in deletes.items()),
        ]

    # Looking

    def _requests(self, request: Request) -> Any:
        return self._simulator.request_log.since(_whole(request.query_params.get("since", "0"), "since"))

    def _accounts(self, request: Request) -> Any:
        url = str(request.base_url).rstrip("/")
        return [self._simulator.described(number, url) for number in self._simulator.accounts.numbers()]

    def _documents(self, request: Request) -> Any:
        account = self._account(request.path_params["user"])
        collection = request.path_params["collection"]
        _collection(collection)
        first, last = (_date(request.query_params.get(name), name) for name in ("start", "end"))
        return list(self._simulator.store.documents(account, collection, first, last))

    def _now(self) -> Any:
        return {"now": self._simulator.clock.now().isoformat()}

    # Changing

    def _set_clock(self, body: Body) -> Any:
        _only(body, "now")
        text = body.get("now")
        self._simulator.clock.set(parse_instant(text) if text else None)
        return self._now()

    def _set_scopes(self, body: Body) -> Any:
        _only(body, "user", "scopes")
        scopes = body.get("scopes")
        if not isinstance(scopes, list) or any(scope not in SCOPES for scope in scopes):
            raise ValueError(f"scopes is a list of these: {', '.join(SCOPES)}")
        self._simulator.access.set_scopes(self._account(body.get("user")), scopes)

    def _revoke(self, body: Body) -> Any:
        _only(body, "user")
        self._simulator.access.revoke_account(self._account(body.get("user")))

    def _restore(self, body: Body) -> Any:
        _only(body, "user")
        self._simulator.access.restore_account(self._account(body.get("user")))

    def _expire(self, body: Body) -> Any:
        _only(body, "user")
        return {"expired": self._simulator.access.expire(self._account(body.get("user")))}

    def _set_membership(self, body: Body) -> Any:
        _only(body, "user", "active")
        if not isinstance(body.get("active"), bool):
            raise ValueError("active is true or false")
        self._simulator.access.set_membership(self._account(body.get("user")), body["active"])

    def _set_oauth(self, body: Body) -> Any:
        _only(body, "expires_in", "prefix", "user", "provider")
        manners = self._simulator.oauth.manners
        if "expires_in" in body:
            if not isinstance(body["expires_in"], int | None):
                raise ValueError("expires_in is a number of seconds, or null to leave it out")
            manners.expires_in = body["expires_in"]
        if "prefix" in body:
            manners.prefix = str(body["prefix"] or "")
        if "provider" in body:
            if body["provider"] not in get_args(Provider):
                raise ValueError(f"provider is one of {', '.join(get_args(Provider))}")
            self._simulator.access.set_provider(self._account(body.get("user")), body["provider"])

    def _set_ranges(self, body: Body) -> Any:
        """Where a collection's ranges end is not known for all; each can be tried both ways."""
        _only(body, "collection", "end", "clock", "max_days")
        name = _collection(body.get("collection"))
        if body.get("end", "inclusive") not in ("inclusive", "exclusive") or body.get("clock", "day") not in (
            "day",
            "utc",
        ):
            raise ValueError("end is inclusive or exclusive, clock is day or utc")
        table = self._simulator.pages.collections
        table[name] = replace(table[name], **{key: body[key] for key in body if key != "collection"})

    def _add_fault(self, body: Body) -> Any:
        kind = body.get("kind")
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(sorted(KINDS))}")
        options = {name: value for name, value in body.items() if name not in CONCERNED}
        _only(options, *OPTIONS.get(kind, {}), *(_random_options() if kind == "random" else ()))
        names = body.get("collection")
        names = [names] if isinstance(names, str) else names
        for name in names or ():
            _collection(name)
        fault = self._simulator.faults.add(
            kind,
            options,
            account=self._account(body["user"]) if body.get("user") else None,
            collections=tuple(names) if names else None,
            path=body.get("path"),
            times=body.get("times"),
            skip=body.get("skip") or 0,
        )
        return {"id": fault.id}

    def _remove_fault(self, request: Request) -> Any:
        if not self._simulator.faults.remove(request.path_params["id"]):
            raise ValueError("there is no such fault")

    def _add_edit(self, body: Body) -> Any:
        made = self._simulator.edit_operations.make(body)
        return {"ids": [edit.id for edit in made], "edits": [edit.described() for edit in made]}

    def _remove_edit(self, request: Request) -> Any:
        number = request.path_params["id"]
        if not self._simulator.edits.remove(lambda edit: edit.id == number):
            raise ValueError("there is no such edit")

    def _reset(self, body: Body) -> Any:
        _only(body)
        self._simulator.reset()

    def _account(self, name: Any) -> int:
        return self._simulator.account(name)


def _random_options() -> set[str]:
    return {name for options in OPTIONS.values() for name in options}


def _posted(do: Callable[[Body], Any]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            body = orjson.loads(await request.body() or b"{}")
            if not isinstance(body, dict):
                raise ValueError("the body must be a JSON object")
            return Json(_told(do(body)))
        except (ValueError, TypeError) as error:
            raise Refusal(400, {"error": str(error)}) from None

    return endpoint


def _asked(do: Callable[[Request], Any]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return Json(_told(do(request)))
        except ValueError as error:
            raise Refusal(400, {"error": str(error)}) from None

    return endpoint


def _told(answer: Any) -> Any:
    return {"ok": True} if answer is None else answer


def _only(body: Body, *known: str) -> None:
    unknown = sorted(set(body) - set(known))
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}; known: {', '.join(sorted(known)) or 'nothing'}")


def _collection(name: Any) -> str:
    if name not in COLLECTIONS:
        raise ValueError(f"there is no collection {name!r}")
    return str(name)


def _date(text: str | None, name: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise ValueError(f"{name} is a date like 2026-03-01") from None


def _whole(text: str, name: str) -> int:
    if not text.isdigit():
        raise ValueError(f"{name} is a whole number")
    return int(text)
