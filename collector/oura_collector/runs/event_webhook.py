"""One CloudEvents JSON event after each run that changed reporting tables, for n8n or any other webhook.

Signed as the Standard Webhooks specification says: header `webhook-signature` is `v1,` and the base64 of the
HMAC-SHA256 of `<webhook-id>.<webhook-timestamp>.<body>` under NOTIFY_WEBHOOK_SECRET. Sent by a thread of its own, so
that a slow or dead receiver never delays a run; retried within about two minutes, then given up
and counted.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import queue
import threading
import time
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog
from tap_oura.transport import DeadlinePassed, Session, TooManyBytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from oura_collector.pipeline.result import Result

logger = structlog.get_logger(__name__)

TYPE = "oura.collection.new_data"
SOURCE = "/oura-collector"
WAITS = (1.0, 4.0, 15.0, 40.0)
"""Seconds before each further attempt."""

PATIENCE = 10.0
"""Seconds that an attempt may take, from connecting to the last byte of the answer."""

MOST_OF_AN_ANSWER = 1024 * 1024
"""Bytes. Only the status counts, but some workflows answer with what they made of the event."""

MOST_WAITING = 100
DELIVERED, GIVEN_UP = DELIVERIES = ("delivered", "given_up")


class Notifier:
    """Sends events to one URL. Calls `count` with `delivered` or `given_up` for each event."""

    def __init__(
        self, url: str, secret: str | None, count: Callable[[str], None], waits: tuple[float, ...] = WAITS
    ) -> None:
        self._url, self._secret, self._count, self._waits = url, secret, count, waits
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue(MOST_WAITING)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="notify", daemon=True)
        self._thread.start()

    def tell(self, run_id: int, news: list[dict[str, Any]], result: Result) -> None:
        """Queue the event of a run, if it changed any rows. Never waits."""
        if news:
            try:
                self._events.put_nowait(event(run_id, news, result))
            except queue.Full:
                self._given_up("too many events are waiting")

    def close(self, seconds: float) -> None:
        """Send the queued events, for so many seconds at most; then give up."""
        with suppress(queue.Full):
            self._events.put_nowait(None)
        self._thread.join(seconds)
        self._closing.set()

    def _work(self) -> None:
        while (waiting := self._events.get()) is not None and not self._closing.is_set():
            self._deliver(waiting)

    def _deliver(self, what: dict[str, Any]) -> None:
        body = json.dumps(what, separators=(",", ":")).encode()
        for wait in (*self._waits, None):
            problem, may_pass = self._send(what["id"], body)
            if problem is None:
                self._counted(DELIVERED)
                logger.info("event delivered", event_id=what["id"])
                return
            if wait is None or not may_pass or self._closing.wait(wait):
                break
        self._given_up(problem)

    def _send(self, event_id: str, body: bytes) -> tuple[str | None, bool]:
        """Return what went wrong, if anything, and whether it is transient."""
        try:
            # A session for each: between two events its connection would be idle for hours.
            with Session("oura-collector") as session:
                headers = self._headers(event_id, body)
                # Of a host's addresses, two as a rule, each is tried for the first of the two times.
                timeout = (PATIENCE / 2, PATIENCE)
                bounds: dict[str, Any] = {"timeout": timeout, "within": PATIENCE, "most": MOST_OF_AN_ANSWER}
                status = session.ask("POST", self._url, data=body, headers=headers, **bounds).status
        except DeadlinePassed:
            return f"the receiver's answer is not complete after {PATIENCE:.0f} seconds", True
        except TooManyBytes:  # It would be no shorter the next time.
            return f"the receiver's answer is larger than {MOST_OF_AN_ANSWER // 1024**2} MiB", False
        except OSError as error:
            # The URL may contain a secret and is part of some messages; the class is enough.
            return f"no valid answer from the receiver ({type(error).__name__})", True
        if 200 <= status < 300:
            return None, False
        if 300 <= status < 400:
            return f"the receiver redirects ({status}); set NOTIFY_WEBHOOK_URL to the address where it leads", False
        return f"the receiver responds with {status}", status >= 500 or status in (408, 429)

    def _headers(self, event_id: str, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
        if self._secret:
            headers |= signature(self._secret, event_id, int(time.time()), body)
        return headers

    def _given_up(self, why: str | None) -> None:
        logger.error("event not delivered", why=why)
        self._counted(GIVEN_UP)

    def _counted(self, what: str) -> None:
        try:
            self._count(what)
        except Exception as error:  # noqa: BLE001
            logger.warning("event not counted", error=type(error).__name__)


def event(run_id: int, news: list[dict[str, Any]], result: Result) -> dict[str, Any]:
    """Return the CloudEvent of a run: accounts, tables, days and counts; no value that Oura measured."""
    users = sorted({entry["user"] for entry in news})
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": SOURCE,
        "type": TYPE,
        "time": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": {
            "run": run_id,
            "outcome": result.outcome,
            "accounts": [
                {
                    "user": user,
                    "collections": {
                        reading.collection: reading.records
                        for reading in result.collections
                        if reading.user_id == user and reading.records
                    },
                    "changed": [
                        {name: value for name, value in entry.items() if name != "user"}
                        for entry in news
                        if entry["user"] == user
                    ],
                }
                for user in users
            ],
        },
    }


def signature(secret: str, event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the three headers of Standard Webhooks."""
    signed = f"{event_id}.{timestamp}.".encode() + body
    digest = base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()
    return {"webhook-id": event_id, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,{digest}"}
