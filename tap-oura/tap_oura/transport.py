"""HTTP within bounds: how many bytes and seconds one response may take, and which credentials a request carries.

`requests` alone bounds neither. Its time-out begins anew with every byte, so a server that sends one a second is never
given up, in the headers as in the body. It decodes a body whole, and gzip makes a thousand bytes of one. It also reads
the body of a redirect that is not to be followed. So the deadline and the count of bytes lie here, at the socket
beneath `http.client`, where headers, chunks and trailers pass too; the body is decoded in pieces.

What it takes from the environment stays: proxies and certificate authorities. Only the credentials of `~/.netrc` and of
the URL, which would replace a token, are never used.
"""

from __future__ import annotations

import http.client
import io
import json
import logging
import re
import time
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

PIECE = 64 * 1024
"""Bytes that are decoded at a time."""

MOST_OF_AN_ERROR = 64 * 1024
"""Bytes read of an answer that is not 200: its status says what matters, and its detail is short."""

MOST_HEADERS = 1024 * 1024
"""Bytes on the wire beyond the body's own limit: headers, and what chunks need."""

ENCODINGS = ("", "identity", "gzip", "x-gzip", "deflate")
"""Those that can be decoded in chunks; others are not requested."""

# It would quote what the server sent, with a traceback; the caller reports the failure.
logging.getLogger("urllib3").setLevel(logging.ERROR)


class DeadlinePassed(requests.Timeout):
    """The response was not complete in time, although bytes may still have been arriving."""


class TooManyBytes(requests.RequestException):
    """The response is larger than permitted."""


@dataclass(frozen=True)
class Answer:
    """A complete response, decoded; at most the first 64 KiB if its status is not 200. Header names ignore case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body's JSON, None if it is invalid."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


class Session(requests.Session):
    """Connections kept for `connections` threads. It follows no redirect, keeps no cookie and reads no `~/.netrc`."""

    def __init__(self, user_agent: str, connections: int = 1) -> None:
        super().__init__()
        for scheme in ("https://", "http://"):
            self.mount(scheme, _Adapter(pool_connections=1, pool_maxsize=connections, pool_block=True))
        self.headers.update(
            {"User-Agent": user_agent, "Accept": "application/json", "Accept-Encoding": "gzip, deflate"}
        )
        # Where there is none, requests looks for one in ~/.netrc and in the URL.
        self.auth = _as_it_is
        # One wearer's cookies would go with the next one's token.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))

    def ask(
        self,
        method: str,
        url: str,
        *,
        timeout: float | tuple[float, float],
        within: float,
        most: int,
        **options: Any,
    ) -> Answer:
        """Send a request and return its complete response.

        `timeout` is as for requests, between two bytes; `within` counts the seconds from now to the last byte, `most`
        the decoded bytes of a body. Raises requests.RequestException, of which DeadlinePassed and TooManyBytes are two.
        """
        allowance = _Allowance(time.monotonic() + within, most + MOST_HEADERS)
        reset = _allowed.set(allowance)
        try:
            with self.request(method, url, timeout=timeout, stream=True, allow_redirects=False, **options) as response:
                body = _body(response, most)
                return Answer(response.status_code, response.headers, body)
        except requests.RequestException as error:
            raise _bound(error) or error from None
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError) as error:
            # Some that requests lets through: a chunk of negative length, a header that no wire can carry.
            raise _bound(error) or requests.ConnectionError(type(error).__name__) from None
        finally:
            _allowed.reset(reset)

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return none ever: requests would read a redirect's body whole, followed or not."""


def without_userinfo(url: str) -> str:
    """Return the URL without a user's name and password in it: they would end up in messages and records."""
    return re.sub(r"^(https?://)[^/?#]*@", r"\1", url, flags=re.IGNORECASE)


def _body(response: requests.Response, most: int) -> bytes:
    if (encoding := response.headers.get("Content-Encoding", "").strip().lower()) not in ENCODINGS:
        raise requests.exceptions.ContentDecodingError(f"{encoding[:40]!r} was not requested")
    is_error = response.status_code != 200
    most = min(most, MOST_OF_AN_ERROR) if is_error else most
    pieces, size = [], 0
    for piece in response.iter_content(PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > most:
            if is_error:
                break
            raise TooManyBytes
    return b"".join(pieces)


def _bound(error: BaseException | None) -> requests.RequestException | None:
    """Return the cause beneath an error of the libraries above."""
    while error:
        if isinstance(error, DeadlinePassed | TooManyBytes):
            return error
        error = error.__cause__ or error.__context__
    return None


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


# Beneath http.client: what a socket may still give for the answer that this thread is waiting for.


@dataclass
class _Allowance:
    until: float
    bytes: int


_allowed: ContextVar[_Allowance] = ContextVar("allowance")


class _Wire(io.RawIOBase):
    """A socket's bytes, until the allowance is used up. The socket's own time-out still holds between two of them."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, allowance: _Allowance) -> None:
        self._raw = raw
        self._sock = sock
        self._allowance = allowance

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        rest = self._allowance.until - time.monotonic()
        if rest <= 0:
            raise DeadlinePassed
        timeout = self._sock.gettimeout()
        if is_last := timeout is None or rest < timeout:
            self._sock.settimeout(rest)  # urllib3 sets it anew for the next request.
        try:
            count: int | None = self._raw.readinto(buffer)
        except TimeoutError:
            if is_last:
                raise DeadlinePassed from None
            raise
        self._allowance.bytes -= count or 0
        if self._allowance.bytes < 0:
            raise TooManyBytes
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_Wire(self.fp.detach(), sock, _allowed.get()))


class _Adapter(HTTPAdapter):
    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **options)
        pool.ConnectionCls = _bounded(pool.ConnectionCls)
        return pool


@cache
def _bounded(connection: Any) -> Any:
    """Return a kind of connection, be it plain, TLS or through a proxy, whose answers are read within bounds."""
    if connection.response_class is _Response:
        return connection
    return type(connection.__name__, (connection,), {"response_class": _Response})
