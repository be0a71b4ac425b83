"""An Oura that serves exactly the documents that a test gives it, per account."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tap_oura.catalog.collections import COLLECTIONS

TOKEN_OF = "token-of-"
PREFIX = "/v2/usercollection/"
NAMES = {collection.segment: name for name, collection in COLLECTIONS.items()}


@dataclass(frozen=True)
class Answer:
    """A body as it goes over the wire."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


Collections = Mapping[str, Any]
"""By name of the collection: a list of documents, or an Answer."""


@dataclass
class Served:
    """The server at `url`; `accounts` may be changed while it runs."""

    url: str
    accounts: dict[str, Collections]

    @property
    def user_mapping(self) -> str:
        return "\n".join(f"{user}: {TOKEN_OF}{user}" for user in self.accounts)


@contextmanager
def served(accounts: Mapping[str, Collections]) -> Iterator[Served]:
    """Serve until the block ends."""
    known = dict(accounts)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            user = self.headers.get("Authorization", "").removeprefix(f"Bearer {TOKEN_OF}")
            path = urlsplit(self.path).path
            if user not in known or not path.startswith(PREFIX):
                self._answer(401, Answer(b'{"detail": "Unauthorized"}'))
                return
            self._answer(200, _body(user, known[user], path.removeprefix(PREFIX)))

        def _answer(self, status: int, answer: Answer) -> None:
            self.send_response(status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield Served(f"http://127.0.0.1:{server.server_port}", known)
        finally:
            server.shutdown()


def _body(user: str, collections: Collections, segment: str) -> Answer:
    given = collections.get(NAMES.get(segment, segment), [])
    if isinstance(given, Answer):
        return given
    if segment == "personal_info":
        return Answer(json.dumps(given[0] if given else {"id": user}).encode())
    return Answer(json.dumps({"data": given, "next_token": None}).encode())
