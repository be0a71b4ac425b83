"""A deadline for a database that neither responds nor closes the connection."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg


@contextmanager
def within(connection: psycopg.Connection[Any], seconds: float) -> Iterator[None]:
    """Close a connection that is still in use after so many seconds; what waits on it then raises psycopg.Error.

    PostgreSQL's own timeouts do not help if a pooler or the network is silent.
    """
    alarm = threading.Timer(seconds, _cut, [connection])
    alarm.daemon = True
    alarm.start()
    try:
        yield
    finally:
        alarm.cancel()


def _cut(connection: psycopg.Connection[Any]) -> None:
    with suppress(OSError, ValueError), socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)
