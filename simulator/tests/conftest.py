"""A client of an in-process simulator, with the requests that the tests need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from oura_simulator.app import create_app
from oura_simulator.collections import COLLECTIONS
from oura_simulator.inprocess import InProcess
from oura_simulator.settings import Settings

NOW = datetime(2026, 4, 15, 16, 0, tzinfo=UTC)
ZONES = ("America/Los_Angeles", "UTC", "Pacific/Auckland")


class Oura:
    """Lists, documents and the admin routes of one simulator; user 1 unless said otherwise."""

    def __init__(self, **settings: Any) -> None:
        self.app = create_app(Settings(**{"today": NOW, "days": 400, "timezones": ZONES, "accounts": 3, **settings}))
        self.simulator = self.app.state.simulator
        self.client = InProcess(self.app)

    def get(self, path: str, user: Any = 1, token: Any = None, **query: Any) -> Any:
        bearer = {"authorization": f"Bearer {token or f'token-{user}'}"}
        return self.client.request("GET", path, query, bearer)

    def page(self, collection: str, user: Any = 1, **query: Any) -> Any:
        return self.get(f"/v2/usercollection/{collection}", user, **query)

    def document(self, collection: str, document_id: str, user: Any = 1) -> Any:
        return self.get(f"/v2/usercollection/{collection}/{document_id}", user)

    def walk(self, collection: str, user: Any = 1, most: Any = 10_000, **query: Any) -> Any:
        """All pages of a range, following the tokens."""
        pages = []
        token: dict[str, str] = {}
        while True:
            answer = self.page(collection, user, **query, **token)
            assert answer.status == 200, answer.text
            body = answer.json()
            pages.append(body["data"])
            if not body.get("next_token"):
                return pages
            assert len(pages) < most, "paging does not end"
            token = {"next_token": body["next_token"]}

    def read(self, collection: str, start: str, end: str, user: Any = 1) -> Any:
        """All documents of a range of days, in whatever parameters the collection knows."""
        kind = COLLECTIONS[collection].kind
        names = {"dates": ("start_date", "end_date"), "instants": ("start_datetime", "end_datetime")}.get(kind)
        query = dict(zip(names, (start, end), strict=True)) if names else {}
        return [document for page in self.walk(collection, user, **query) for document in page]

    def admin(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        answer = self.client.request(method, f"/admin/{path}", query, {}, orjson.dumps(body) if body else b"")
        assert answer.status == 200, answer.text
        return answer.json()

    def truth(self, collection: str, start: str | None = None, end: str | None = None, user: Any = 1) -> Any:
        bounds = {name: text for name, text in (("start", start), ("end", end)) if text}
        return self.admin("GET", f"documents/user-{user}/{collection}", **bounds)

    def fault(self, kind: str, **options: Any) -> Any:
        return self.admin("POST", "faults", {"kind": kind, **options})["id"]

    def edit(self, op: str, user: Any = 1, **options: Any) -> Any:
        return self.admin("POST", "edits", {"user": f"user-{user}", "op": op, **options})

    def post(self, path: str, form: Any, headers: Any = None) -> Any:
        return self.client.request("POST", path, headers=headers, body=urlencode(form).encode())

    def account(self, number: int) -> Any:
        return self.admin("GET", "accounts")[number - 1]

    def refresh(self, number: int, path: str, token: Any = None, **changes: Any) -> Any:
        """Asks a token endpoint for a new pair, with the first refresh token unless another is given."""
        known = self.account(number)
        form = {
            "grant_type": "refresh_token",
            "refresh_token": token or known["refresh_token"],
            "client_id": known["client_id"],
            "client_secret": known["client_secret"],
        }
        return self.post(path, form | changes)

    def now(self, text: str) -> None:
        self.admin("POST", "clock", {"now": text})


@pytest.fixture
def oura() -> Iterator[Oura]:
    made = Oura()
    yield made
    made.client.close()


@pytest.fixture(scope="session")
def oura_class() -> type[Oura]:
    """For fixtures that live longer than a test."""
    return Oura


@pytest.fixture
def make_oura() -> Iterator[Callable[..., Oura]]:
    made = []

    def make(**settings: Any) -> Any:
        made.append(Oura(**settings))
        return made[-1]

    yield make
    for one in made:
        one.client.close()
