"""HTTP served within bounds of connections, descriptors, time and log lines, for the service and for a login.

uvicorn alone waits without end for a request to be complete and for its answer to be read, and accepts connections for
as long as there are descriptors; then asyncio logs a traceback for each that it cannot accept. Its `limit_concurrency`
counts connections without a request too, so whoever holds some would make it answer 503 to everybody else.
"""

from __future__ import annotations

import errno
import logging
import socket
import threading
import time
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from starlette.applications import Starlette

logger = logging.getLogger(__name__)

MOST_CONNECTIONS = 64
"""Open at a time. Beyond these, the one that has waited longest without a request is closed."""

ACCEPTED_AT_ONCE = 16
"""asyncio accepts so many before it reads from any. A request that comes with its connection is thus read before
MOST_CONNECTIONS later ones could displace it, and there are never twice as many descriptors as connections."""

WAITING = 128
"""Connections that the kernel keeps until they are accepted; they cost no descriptor."""

MOST_REQUESTS = 2 * MOST_CONNECTIONS
"""Under way, including those whose connection is gone already; further ones are answered with 503."""

REQUEST_WITHIN = 5.0
"""Seconds until the headers of a connection's request must be complete."""

ALL_WITHIN = 60.0
"""Seconds until its answer must have been read. /health may wait 30 for a database that is silent."""

START_PATIENCE = 10.0
STOP_PATIENCE = 3

LOGGERS = ("uvicorn.error", "asyncio")
MOST_LINES = 5
A_WHILE = 60.0
"""Seconds in which one place in their code logs MOST_LINES at most."""


class HttpServer:
    """Serves an application from a thread of its own, one request per connection, on a socket of `listen`."""

    def __init__(self, app: Starlette, listener: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            http=_Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            headers=[("connection", "close")],
            backlog=ACCEPTED_AT_ONCE,
            limit_concurrency=MOST_REQUESTS,
            timeout_graceful_shutdown=STOP_PATIENCE,
        )
        self._seldom = _Seldom()
        self._server = uvicorn.Server(config)
        self._socket = listener
        self._thread = threading.Thread(target=self._server.run, args=[[listener]], name="web", daemon=True)

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        """The URL on which it listens."""
        host = str(self._socket.getsockname()[0])
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def start(self) -> None:
        """Return once the port answers."""
        for name in LOGGERS:
            logging.getLogger(name).addFilter(self._seldom)
        self._thread.start()
        deadline = time.monotonic() + START_PATIENCE
        while not self._server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        # asyncio has set it to what it accepts at once.
        self._socket.listen(WAITING)

    def stop(self) -> None:
        """Close the port; requests under way are answered, for a few seconds at most."""
        self._server.should_exit = True
        self._thread.join(STOP_PATIENCE + 2)
        self._socket.close()
        for name in LOGGERS:
            logging.getLogger(name).removeFilter(self._seldom)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; all addresses of IPv6 include those of IPv4. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    dual = host == "::" and socket.has_dualstack_ipv6()
    try:
        return socket.create_server((host, port), family=family, dualstack_ipv6=dual)
    except UnicodeError:
        raise OSError(errno.EADDRNOTAVAIL, "no such address") from None


class _Connection(H11Protocol):
    """One request. h11 bounds its headers in bytes, which the faster parser that uvicorn would prefer does not."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.since = self.loop.time()
        self._timers = (
            self.loop.call_later(REQUEST_WITHIN, self._end_without_request),
            self.loop.call_later(ALL_WITHIN, transport.abort),
        )
        if len(self.connections) > MOST_CONNECTIONS:
            self.logger.warning("Too many connections: those that sent no request are closed, the oldest first.")
            waiting = (each for each in self.connections if isinstance(each, _Connection) and not each.is_under_way)
            oldest = min(waiting, key=lambda each: each.since)
            self.connections.discard(oldest)  # It is lost only after others may have been accepted.
            oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in self._timers:
            timer.cancel()
        super().connection_lost(exc)

    @property
    def is_under_way(self) -> bool:
        """Whether a request came that is not yet answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def _end_without_request(self) -> None:
        if self.cycle is None:
            self.transport.abort()


class _Seldom(logging.Filter):
    """Lets MOST_LINES pass from each place in the code, and then none for a while."""

    def __init__(self) -> None:
        super().__init__()
        self._passed: dict[tuple[str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        place, now = (record.pathname, record.lineno), time.monotonic()
        begun, lines = self._passed.get(place, (now, 0))
        if now - begun > A_WHILE:
            begun, lines = now, 0
        self._passed[place] = begun, lines + 1
        if lines == MOST_LINES:
            logger.warning("Further messages like the last of %s are left out for a minute.", record.name)
        return lines < MOST_LINES
