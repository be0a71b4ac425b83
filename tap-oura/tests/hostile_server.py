"""A server on a real socket that breaks what HTTP promises. The first part of a path names how.

Paths that begin with `/good`, and requests with the token `good`, are answered as Oura would; `/requests` lists
the requests. It is a process of its own, so that it takes no time from whom it attacks.
"""

from __future__ import annotations

import gzip
import itertools
import json
import socketserver
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

MIB = 1024 * 1024
BETWEEN_BYTES = 0.3
"""Seconds: less than the time-out of one second that the tests set."""

Parts = Iterator[bytes]

ROW = b'{"bpm":62,"source":"awake","timestamp":"2026-03-10T%02d:%02d:%02d+00:00"}'


def rows(count: int) -> bytes:
    return b",".join(ROW % (n // 3600 % 24, n // 60 % 60, n % 60) for n in range(count))


def head(status: int = 200, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status} Whatever", *headers, "", ""]).encode()


def whole(body: bytes, status: int = 200, *headers: str) -> Parts:
    yield head(status, f"Content-Length: {len(body)}", *headers) + body


MEMBER = gzip.compress(b" " * (60 * MIB))
PAGE = b'{"data":[%s],"next_token":"%%d"}' % rows(1000)
LONG_PAGE = b'{"data":[%s],"next_token":"%%d"}' % rows(4000)
GOOD = b'{"data":[%s],"next_token":null}' % rows(2)
TOKENS = b'{"access_token":"new","refresh_token":"newer","expires_in":86400}'
NUMBERS = itertools.count(1)
DENSE = itertools.count(1)


def bomb(status: int = 200, *headers: str) -> Parts:
    """600 MiB of spaces, in 600 KiB."""
    return whole(MEMBER * 10, status, "Content-Encoding: gzip", *headers)


def chunked_bomb() -> Parts:
    yield head(200, "Content-Encoding: gzip", "Transfer-Encoding: chunked")
    for _ in range(10):
        yield b"%x\r\n%s\r\n" % (len(MEMBER), MEMBER)
    yield b"0\r\n\r\n"


def huge_page() -> Parts:
    piece = rows(10_000) + b","
    yield head(200, f"Content-Length: {600 * MIB}")
    yield b'{"data":['
    for _ in range(600 * MIB // len(piece)):
        yield piece


def forever(first: bytes, piece: bytes) -> Callable[[], Parts]:
    return lambda: itertools.chain([first], itertools.repeat(piece))


def dripping(first: bytes, rest: bytes) -> Callable[[], Parts]:
    def parts() -> Parts:
        yield first
        for byte in itertools.cycle(rest):
            time.sleep(BETWEEN_BYTES)
            yield bytes([byte])

    return parts


WAYS: dict[str, Callable[[], Parts]] = {
    "bomb": bomb,
    "chunked_bomb": chunked_bomb,
    "bomb_in_a_bomb": lambda: whole(gzip.compress(MEMBER * 10), 200, "Content-Encoding: gzip, gzip"),
    "redirect_with_a_bomb": lambda: bomb(302, "Location: /good/v2/usercollection/heartrate"),
    "error_with_a_bomb": lambda: bomb(500),
    "refusal_with_a_bomb": lambda: bomb(401),
    "limit_with_a_bomb": lambda: bomb(429, "Retry-After: 4000", f"X-RateLimit-Tier: {'t' * 9000}"),
    "huge_page": huge_page,
    "tiny_values": lambda: whole(b'{"data":[%s{}],"next_token":null}' % (b"{}," * (2 * MIB))),
    "endless_body": forever(head(), b" " * MIB),
    "endless_pages": lambda: whole(LONG_PAGE % next(NUMBERS)),
    "empty_pages": lambda: whole(b'{"data":[],"next_token":"%d"}' % next(NUMBERS)),
    "slow_pages": lambda: itertools.chain(late(BETWEEN_BYTES), whole(b'{"data":[],"next_token":"%d"}' % next(NUMBERS))),
    "drip_in_headers": dripping(b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n"),
    "drip_in_body": dripping(head(200, "Content-Length: 100000"), b" "),
    "drip_in_chunks": dripping(head(200, "Transfer-Encoding: chunked"), b"1\r\n \r\n"),
    "drip_in_an_error": dripping(head(503, "Content-Length: 100000"), b" "),
    "endless_continue": forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "endless_header": forever(b"HTTP/1.1 200 OK\r\nX-More: ", b"1" * MIB),
    "endless_headers": forever(b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n" * 1000),
    "malformed_headers": lambda: whole(GOOD, 200, "no header at all", "X-Secret : health"),
    "endless_trailers": forever(head(200, "Transfer-Encoding: chunked") + b"0\r\n", b"X-More: 1\r\n" * 1000),
    "negative_chunk": forever(head(200, "Transfer-Encoding: chunked") + b"-1\r\n", b" " * MIB),
    "invalid_chunk": forever(head(200, "Transfer-Encoding: chunked") + b"-5\r\n", b" "),
    "truncated_gzip": lambda: whole(gzip.compress(GOOD)[:-20], 200, "Content-Encoding: gzip"),
    "no_gzip": lambda: whole(GOOD, 200, "Content-Encoding: gzip"),
    "longer_than_said": lambda: iter([head(200, f"Content-Length: {len(GOOD) - 9}") + GOOD]),
    "shorter_than_said": lambda: iter([head(200, f"Content-Length: {len(GOOD) + 9}") + GOOD]),
    "cut_without_length": lambda: iter([head(200) + GOOD[:-9]]),
    "cut_in_a_chunk": lambda: iter([head(200, "Transfer-Encoding: chunked") + b"%x\r\n" % len(GOOD) + GOOD[:-9]]),
    "two_lengths": lambda: iter([head(200, f"Content-Length: {len(GOOD)}, 7") + GOOD]),
    "dense_pages": lambda: dense(next(DENSE)),
    "limited_pages": lambda: whole(GOOD) if next(NUMBERS) % 2 == 0 else whole(b"", 429, "Retry-After: 2"),
    "cookie": lambda: whole(GOOD, 200, "Set-Cookie: whose=theirs; Path=/", "Connection: close"),
    "deep": lambda: whole(b'{"data":' + b"[" * 20_000 + b"]" * 20_000 + b"}"),
}


def dense(number: int) -> Parts:
    """280 pages of a thousand rows: a month of 10,000 samples a day."""
    return whole(PAGE % number if number % 280 else GOOD)


def late(seconds: float) -> Parts:
    time.sleep(seconds)
    yield b""


def good(path: str) -> Parts:
    if "token" in path:
        return whole(TOKENS)
    return whole(b'{"id":"me"}' if path.endswith("personal_info") else GOOD)


class Connection(socketserver.StreamRequestHandler):
    server: Hostile

    def handle(self) -> None:
        number = next(self.server.connections)
        while request := self.rfile.readline(65536).decode():
            path = urlsplit(request.split(" ")[1]).path  # The whole address, where we are taken for a proxy.
            headers = {}
            while line := self.rfile.readline(65536).decode().strip():
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            body = self.rfile.read(int(headers.get("content-length", 0))).decode()
            way = path.split("/")[1]
            if way == "requests":
                self.wfile.write(next(whole(json.dumps(self.server.requests).encode())))
                return
            if way == "oauth":  # The path for revoking is fixed.
                way = parse_qs(body)["token"][0]
            self.server.requests.append({"connection": number, "path": path, "headers": headers, "body": body})
            is_good = way == "good" or headers.get("authorization") == "Bearer good"
            try:
                for part in good(path) if is_good else WAYS[way]():
                    self.wfile.write(part)
            except OSError:
                return  # Who asked has heard enough.
            if not is_good and "pages" not in way:
                return


class Hostile(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.requests: list[dict[str, Any]] = []
        self.connections = itertools.count()

    def handle_error(self, *_: Any) -> None:
        """Say nothing: who asked has heard enough and went away."""


def main(certificate: str | None = None) -> None:
    """Print the address and serve; with TLS where a file with a certificate and its key is given."""
    with Hostile() as server:
        if certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        print(f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_address[1]}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
