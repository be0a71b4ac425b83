"""Webhook events: signed, retried, and never blocking. The receiver is a real HTTP server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from oura_collector.pipeline.result import Result
from oura_collector.runs import event_webhook
from oura_collector.runs.event_webhook import Notifier
from structlog.testing import capture_logs
from tap_oura.results import CollectionResult

HOSTILE = Path(__file__).resolve().parents[2] / "tap-oura" / "tests" / "hostile_server.py"
CHANGES = [{"user": "user-1", "table": "oura_sleep", "rows": 2, "first_day": "2026-03-30", "last_day": "2026-03-31"}]
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
            status = receiver.answer({k.lower(): v for k, v in self.headers.items()}, body)
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "/elsewhere?key=planted")
            self.end_headers()

        def do_GET(self) -> None:
            """Where a followed redirect leads."""
            self.send_response(receiver.answer({}, b""))
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


def delivered(receiver: Receiver, changes: list[dict[str, Any]], secret: str | None = None) -> list[str]:
    """Send one event and return what was counted."""
    counted: list[str] = []
    notifier = Notifier(receiver.url, secret, counted.append, waits=(0.01, 0.01))
    notifier.tell(7, changes, RESULT)
    notifier.close(10)
    return counted


def test_an_event_is_cloudevents_json_with_accounts_and_changed_rows(receiver: Receiver) -> None:
    assert delivered(receiver, CHANGES) == ["delivered"]

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


def test_a_run_without_changes_sends_nothing(receiver: Receiver) -> None:
    assert delivered(receiver, []) == []
    assert receiver.received == []


def test_the_signature_covers_body_id_and_time(receiver: Receiver) -> None:
    delivered(receiver, CHANGES, secret="planted")

    headers, body = receiver.received[0]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(b"planted", signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-id"] == json.loads(body)["id"]
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60


def test_a_temporary_failure_is_retried_with_the_same_id(receiver: Receiver) -> None:
    receiver.statuses = [503, 429]

    assert delivered(receiver, CHANGES) == ["delivered"]
    assert len({json.loads(body)["id"] for _, body in receiver.received}) == 1
    assert len(receiver.received) == 3


@pytest.mark.parametrize(("statuses", "attempts"), [([500, 500, 500], 3), ([404], 1)])
def test_a_permanent_failure_is_dropped_and_counted(receiver: Receiver, statuses: list[int], attempts: int) -> None:
    receiver.statuses = statuses

    assert delivered(receiver, CHANGES) == ["given_up"]
    assert len(receiver.received) == attempts


def test_a_hanging_receiver_blocks_nothing(receiver: Receiver) -> None:
    receiver.hang = threading.Event()
    notifier = Notifier(receiver.url, None, lambda _: None, waits=())
    started = time.monotonic()

    for run in range(300):
        notifier.tell(run, CHANGES, RESULT)

    assert time.monotonic() - started < 2
    notifier.close(0)
    receiver.hang.set()


@pytest.mark.parametrize("status", [301, 302, 303, 304, 307, 308])
def test_a_redirect_is_not_followed_and_counts_as_failed(receiver: Receiver, status: int) -> None:
    receiver.statuses = [status]

    with capture_logs() as lines:
        assert delivered(receiver, CHANGES) == ["given_up"]

    assert len(receiver.received) == 1
    (line,) = lines
    assert line["why"].startswith(f"the receiver redirects ({status}); set NOTIFY_WEBHOOK_URL")
    assert "planted" not in str(line)


@pytest.fixture(scope="module")
def hostile() -> Iterator[str]:
    """The address of a server that breaks what HTTP promises, each path in its way."""
    with subprocess.Popen([sys.executable, str(HOSTILE)], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        yield server.stdout.readline().strip()
        server.terminate()


@pytest.mark.parametrize(
    ("way", "why"),
    [
        ("drip_in_headers", "not complete after 1 seconds"),
        ("drip_in_body", "not complete after 1 seconds"),
        ("drip_in_an_error", "not complete after 1 seconds"),
        ("endless_body", "larger than 1 MiB"),
        ("endless_header", "no valid answer"),
        ("endless_continue", "larger than 1 MiB"),
        ("bomb", "larger than 1 MiB"),
        ("redirect_with_a_bomb", "redirects (302)"),
    ],
)
def test_an_answer_has_bounds_in_time_and_bytes(
    hostile: str, way: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_webhook, "PATIENCE", 1.0)
    counted: list[str] = []
    notifier = Notifier(f"{hostile}/{way}", None, counted.append, waits=())
    started = time.monotonic()

    with capture_logs() as lines:
        notifier.tell(7, CHANGES, RESULT)
        notifier.close(10)

    assert counted == ["given_up"]
    assert time.monotonic() - started < 4
    assert [why in line["why"] for line in lines] == [True]
