"""What clients that never finish, never read or never stop may take of the server. All are real sockets."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psutil
import pytest
from oura_collector import http_server
from oura_collector.http_server import MOST_CONNECTIONS, MOST_LINES, HttpServer, listen
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

MIB = 2**20
LARGE = 64 * MIB
"""Bytes that no socket's buffers hold."""


async def slow(_: Request) -> Response:
    await asyncio.sleep(2)
    return Response("slow")


async def large(_: Request) -> Response:
    return Response(b" " * LARGE)


async def fast(_: Request) -> Response:
    return Response("fast")


@pytest.fixture
def port() -> Iterator[int]:
    app = Starlette(routes=[Route("/", fast), Route("/slow", slow), Route("/large", large)])
    server = HttpServer(app, listen("127.0.0.1", 0))
    server.start()
    yield server.port
    server.stop()


@contextmanager
def connection(port: int, sent: bytes = b"") -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connected:
        connected.sendall(sent)
        yield connected


def request(path: str = "/") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def received(connected: socket.socket) -> bytes:
    """All bytes until the server closes the connection; fails where it does not."""
    parts = []
    try:
        while part := connected.recv(MIB):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def is_open(connected: socket.socket) -> bool:
    connected.settimeout(0.01)
    try:
        return bool(connected.recv(1))
    except TimeoutError:
        return True
    except ConnectionResetError:
        return False


def test_each_connection_is_closed_after_its_answer(port: int) -> None:
    with connection(port, request()) as connected:
        answer = received(connected)

    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b"fast")


@pytest.mark.parametrize("drip", [b"", b"X-More: 1\r\n"])
def test_a_request_that_is_never_complete_is_given_up(port: int, drip: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "REQUEST_WITHIN", 1.0)
    with connection(port, request()[:-2]) as connected:
        began = time.monotonic()
        while time.monotonic() - began < 5 and is_open(connected):
            try:
                connected.sendall(drip)
            except OSError:
                break
            time.sleep(0.1)

        assert 0.5 < time.monotonic() - began < 4


def test_an_answer_that_is_never_read_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "ALL_WITHIN", 1.0)
    with connection(port, request("/large")) as connected:
        time.sleep(2)

        assert len(received(connected)) < LARGE


def test_headers_have_a_limit_in_bytes(port: int) -> None:
    with connection(port, request()[:-2] + b"X-Long: " + b"1" * 40_000) as connected:
        assert received(connected).startswith(b"HTTP/1.1 400 ")


def test_beyond_the_limit_the_oldest_connection_without_a_request_is_closed(port: int) -> None:
    before = psutil.Process().num_fds()
    with ExitStack() as held:
        under_way = held.enter_context(connection(port, request("/slow")))
        idle = [held.enter_context(connection(port)) for _ in range(3 * MOST_CONNECTIONS)]
        time.sleep(0.5)

        assert [is_open(each) for each in idle[: 2 * MOST_CONNECTIONS]] == [False] * 2 * MOST_CONNECTIONS
        assert is_open(idle[-1])
        assert psutil.Process().num_fds() - before <= len(idle) + 1 + MOST_CONNECTIONS
        with connection(port, request()) as connected:
            assert received(connected).endswith(b"fast")
        assert received(under_way).endswith(b"slow")


def test_requests_under_way_are_never_closed_for_others(port: int) -> None:
    with ExitStack() as held:
        under_way = [held.enter_context(connection(port, request("/slow"))) for _ in range(MOST_CONNECTIONS)]
        time.sleep(0.5)
        with connection(port, request()) as refused:
            assert received(refused) == b""

        assert all(received(each).endswith(b"slow") for each in under_way)


def test_repeated_messages_are_left_out_of_the_log(port: int, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(10 * MOST_LINES):
        with connection(port, b"no HTTP\r\n\r\n") as connected:
            received(connected)
        logging.getLogger("asyncio").error("socket.accept() out of system resource")

    lines = [record.name for record in caplog.records]
    assert lines.count("uvicorn.error") == lines.count("asyncio") == MOST_LINES
    assert lines.count("oura_collector.http_server") == 2
