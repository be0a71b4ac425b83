"""Requests without a network: calls the application directly, for tests with many requests."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode, urlsplit

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message


@dataclass
class Answer:
    """Status, headers (names in lower case) and body of one response."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return orjson.loads(self.body)


class InProcess:
    """A client of one application, one request at a time.

    Faults that break the connection raise ConnectionResetError.
    """

    def __init__(self, app: ASGIApp, url: str = "http://simulator") -> None:
        self._app = app
        self._url = urlsplit(url)
        self._loop = asyncio.new_event_loop()
        self._lock = Lock()

    def close(self) -> None:
        self._loop.close()

    def request(
        self,
        method: str,
        target: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        """Send a request and return its response; `target` is a path or a URL, with or without a query."""
        parts = urlsplit(target)
        named = {"host": self._url.netloc, "content-length": str(len(body)), **(headers or {})}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": self._url.scheme,
            "path": unquote(parts.path),
            "raw_path": parts.path.encode(),
            "query_string": "&".join(filter(None, (parts.query, urlencode(query or {})))).encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in named.items()],
            "server": (self._url.hostname, self._url.port or 80),
            "client": ("127.0.0.1", 0),
        }
        answer = Answer()

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {name.decode(): value.decode("latin-1") for name, value in message["headers"]}
            else:
                answer.body += message.get("body", b"")

        with self._lock:
            self._loop.run_until_complete(self._app(scope, receive, send))
        return answer
