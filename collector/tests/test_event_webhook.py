"""Events for a webhook: signed, repeated, and never in the way. The receiver is a real HTTP server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from oura_collector.pipeline.result import Result
from oura_collector.runs.event_webhook import Notifier
from tap_oura.results import CollectionResult

NEWS = [{"user": "user-1", "table": "oura_sleep", "rows": 2, "first_day": "2026-03-30", "last_day": "2026-03-31"}]
RESULT = Result("succeeded", collections=(CollectionResult("user-1", "sleep", "succeeded", records=16),))


@dataclass
class Receiver:
    """Answers with the given statuses, then with 200; remembers what it got."""

    statuses: list[int] = field(default_factory=list)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""
    hang: threading.Event | None = None

    def answer(self, headers: dict[str, str], body: bytes) -> int:
        self.received.append((headers, body))
        if self.hang:
            self.hang.wait(10)
        return self.statuses.pop(0) if self.statuses else 200


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(receiver.answer({k.lower(): v for k, v in self.headers.items()}, body))
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}/webhook/oura-new-data"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield receiver
        server.shutdown()
        thread.join()


def delivered(receiver: Receiver, news: list[dict[str, Any]], secret: str | None = None) -> list[str]:
    """Send one event and return what was counted."""
    counted: list[str] = []
    notifier = Notifier(receiver.url, secret, counted.append, waits=(0.01, 0.01))
    notifier.tell(7, news, RESULT)
    notifier.close(10)
    return counted


def test_an_event_says_who_what_and_when_in_cloudevents_json(receiver: Receiver) -> None:
    assert delivered(receiver, NEWS) == ["delivered"]

    headers, body = receiver.received[0]
    event = json.loads(body)
    assert headers["content-type"].startswith("application/cloudevents+json")
    assert {"specversion", "id", "source", "type", "time"} <= event.keys()
    assert event["specversion"] == "1.0"
    assert event["data"]["accounts"] == [
        {
            "user": "user-1",
            "collections": {"sleep": 16},
            "changed": [{"table": "oura_sleep", "rows": 2, "first_day": "2026-03-30", "last_day": "2026-03-31"}],
        }
    ]


def test_a_run_without_news_sends_nothing(receiver: Receiver) -> None:
    assert delivered(receiver, []) == []
    assert receiver.received == []


def test_the_signature_proves_body_id_and_time(receiver: Receiver) -> None:
    delivered(receiver, NEWS, secret="planted")

    headers, body = receiver.received[0]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(b"planted", signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-id"] == json.loads(body)["id"]
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60


def test_a_passing_fault_is_tried_again_with_the_same_id(receiver: Receiver) -> None:
    receiver.statuses = [503, 429]

    assert delivered(receiver, NEWS) == ["delivered"]
    assert len({json.loads(body)["id"] for _, body in receiver.received}) == 1
    assert len(receiver.received) == 3


@pytest.mark.parametrize(("statuses", "attempts"), [([500, 500, 500], 3), ([404], 1)])
def test_what_does_not_pass_is_given_up_and_counted(receiver: Receiver, statuses: list[int], attempts: int) -> None:
    receiver.statuses = statuses

    assert delivered(receiver, NEWS) == ["given_up"]
    assert len(receiver.received) == attempts


def test_a_receiver_that_hangs_holds_nobody_up(receiver: Receiver) -> None:
    receiver.hang = threading.Event()
    notifier = Notifier(receiver.url, None, lambda _: None, waits=())
    started = time.monotonic()

    for run in range(300):
        notifier.tell(run, NEWS, RESULT)

    assert time.monotonic() - started < 2
    notifier.close(0)
    receiver.hang.set()
