"""SIGKILL at every step of a refresh: the grant stays usable, or is reported lost if no response was stored."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import astuple
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from tap_oura.credentials.auth import Credentials
from tap_oura.credentials.record import adopt
from tap_oura.credentials.stores import open_vault
from tap_oura.errors import ConsentLost

if TYPE_CHECKING:
    from .conftest import Clock, Oura

KILL_DURING_REFRESH = Path(__file__).with_name("kill_during_refresh.py")
USER = "user-1"


def start(oura: Oura, location: str, at: str, urls: list[str] | None = None) -> Any:
    options = {
        "store": location,
        "urls": urls or [f"{oura.url}/oauth/token"],
        "user": USER,
        "seed": astuple(oura.seed(USER)),
        "at": at,
    }
    return subprocess.Popen([sys.executable, str(KILL_DURING_REFRESH), json.dumps(options)])


def die(*given: Any, **named: Any) -> None:
    with start(*given, **named) as process:
        assert process.wait(30) == -signal.SIGKILL


@pytest.fixture
def next_process(oura: Oura, make: Callable[..., Credentials], location: str, clock: Clock) -> Any:
    """A process that comes later, when nobody can be waiting for an answer any more."""
    with open_vault(location).open(USER) as entry:
        entry.write(adopt(None, oura.seed(USER)))

    def look() -> Any:
        clock.now = time.time() + 100
        return make(USER, vault=open_vault(location)).token()

    return look


@pytest.mark.parametrize(
    "at",
    [
        "before the note",
        "middle the note",
        "middle the answer",
        "after the answer",
        "before the pair",
        "middle the pair",
        "after the pair",
    ],
)
def test_a_killed_refresh_leaves_the_grant_usable(
    oura: Oura, location: str, next_process: Callable[[], str], at: str
) -> None:
    die(oura, location, at)

    assert oura.accepts(next_process())
    assert [request["status"] for request in oura.refreshes() if request["path"] == "/oauth/token"] == [200]


@pytest.mark.parametrize("at", ["after the note", "before the answer"])
def test_without_a_stored_response_the_grant_is_reported_lost_and_never_used_again(
    oura: Oura, location: str, next_process: Callable[[], str], at: str
) -> None:
    die(oura, location, at)
    used = len(oura.refreshes())

    for _ in range(2):
        with pytest.raises(ConsentLost, match=r"a refresh was sent at .*; run: collect\.py login --user user-1"):
            next_process()
    assert len(oura.refreshes()) == used


def test_a_kill_while_waiting_for_the_response_reports_the_grant_as_lost(
    oura: Oura, location: str, next_process: Callable[[], str]
) -> None:
    with withheld(f"{oura.url}/oauth/token") as (url, arrived):
        process = start(oura, location, "never", urls=[url])
        assert arrived.wait(30)
        process.kill()
        process.wait()

    for _ in range(2):
        with pytest.raises(ConsentLost, match="no response came"):
            next_process()
    assert len(oura.refreshes()) == 1


def test_sigterm_waits_for_the_token_response(oura: Oura, location: str, next_process: Callable[[], str]) -> None:
    with withheld(f"{oura.url}/oauth/token") as (url, arrived):
        process = start(oura, location, "never", urls=[url])
        assert arrived.wait(30)
        process.terminate()
    # The answer is let go when the block ends.

    assert process.wait(30) == -signal.SIGTERM
    assert oura.accepts(next_process())
    assert len(oura.refreshes()) == 1


@contextmanager
def withheld(url: str) -> Any:
    """An endpoint that passes requests on and keeps the answers to itself until the block is left."""
    arrived, release = threading.Event(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = requests.post(url, data=body, headers={"Content-Type": self.headers["Content-Type"]}, timeout=10)
            arrived.set()
            release.wait(20)
            self.send_response(answer.status_code)
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(HTTPServer):
        def handle_error(self, *_: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", arrived
    finally:
        release.set()
        server.shutdown()
        server.server_close()
        thread.join()
