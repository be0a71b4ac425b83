"""Responses that a simulator of a sane Oura would not give, served over HTTP at Oura's paths."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Served:
    """`answers` by path segment: a list of documents, or `{"raw": text}` or `{"b64": bytes, "headers": {...}}`.

    They are the same whatever range and account are asked for; what is not named is empty.
    """

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.url = ""
        self.requests: list[str] = []

    def body(self, segment: str) -> tuple[bytes, dict[str, str]]:
        answer = self.answers.get(segment, [])
        if isinstance(answer, list):
            return json.dumps({"data": answer, "next_token": None}).encode(), {}
        if "raw" in answer:
            return answer["raw"].encode(), {}
        return base64.b64decode(answer["b64"]), answer.get("headers", {})

    def config(self, **settings: Any) -> dict[str, Any]:
        accounts = [{"user": user, "access_token": f"token-{user}"} for user in ("user-1", "user-2")]
        return {"api_url": self.url, "accounts": accounts, "start_date": "2026-11-20", "max_retries": 0, **settings}


@contextmanager
def serving(answers: dict[str, Any]) -> Iterator[Served]:
    served = Served(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            segment = self.path.split("?")[0].rsplit("/", 1)[-1]
            served.requests.append(segment)
            body, headers = served.body(segment)
            self.send_response(200)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield served
        finally:
            server.shutdown()
