"""A real PgBouncer before the tests' server."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from oura_collector.database.connection import Database

from tests.programs import find

CONFIGURATION = """
[databases]
* = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
ignore_startup_parameters = {ignored}
query_wait_timeout = 0
"""


@contextmanager
def pgbouncer(database: Database, mode: str, *, size: int = 20, ignored: str = "") -> Iterator[Database]:
    """Run PgBouncer in a pool mode, and yield the same database by way of it."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
        probe.close()
        names = ("host", "port", "user", "password")
        server = " ".join(f"{name}={database.parameters[name]}" for name in names if name in database.parameters)
        settings = Path(folder) / "pgbouncer.ini"
        settings.write_text(CONFIGURATION.format(server=server, port=port, mode=mode, size=size, ignored=ignored))
        user = _user(database)
        Path(folder).chmod(0o755)
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(
                [str(find("pgbouncer")), "--quiet", str(settings)], stderr=log, user=user, group=user and _group(user)
            )
        try:
            _answers(port, process)
            through = {"host": "127.0.0.1", "port": str(port), "user": database.parameters["user"]}
            yield Database({**through, "dbname": database.parameters["dbname"]})
        finally:
            process.terminate()
            process.wait()


def _user(database: Database) -> int | None:
    """Whoever may enter the server's folder, if we are root, whom PgBouncer refuses; None: ourselves."""
    if os.geteuid() != 0:
        return None
    host = Path(database.parameters["host"])
    return host.stat().st_uid if host.is_absolute() else pwd.getpwnam("nobody").pw_uid


def _group(user: int) -> int:
    return pwd.getpwuid(user).pw_gid


def _answers(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        assert process.poll() is None, "pgbouncer did not start"
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise AssertionError("pgbouncer does not answer")
