"""The simulator as a process: a socket, uvicorn, and a message once it listens."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from oura_simulator.app import create_app

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from oura_simulator.settings import Settings
    from oura_simulator.simulator import Simulator


class Protocol(HttpToolsProtocol):
    """Passes the connection to the application, which some faults close without a response."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def serve(settings: Settings, host: str, port: int, ready: Callable[[Simulator, str], Any]) -> None:
    """Serves until a signal comes. `ready(simulator, url)` is called once requests are served.

    Raises OSError if the address is not available.
    """
    listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    # Accepted connections inherit it; asyncio would set it only on sockets that name their protocol.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # A page of heart rate leaves in one piece.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    app = create_app(settings)
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="off",
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=1,
    )
    Server(config, lambda: ready(app.state.simulator, url)).run(sockets=[listener])
