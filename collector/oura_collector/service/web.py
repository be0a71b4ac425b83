"""The four routes: /health for people, /health/live and /health/ready for probes, /metrics for Prometheus."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import structlog
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from oura_collector.service.health import FAILING
from oura_collector.settings import SettingsError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Any

    from starlette.requests import Request

    from oura_collector.runs.status import Status

logger = structlog.get_logger(__name__)

START_PATIENCE = 10.0


def application(
    status: Status, metrics: CollectorRegistry, health: Callable[[], dict[str, Any]], stopping: Callable[[], bool]
) -> Starlette:
    """Return the ASGI application. Plain handlers query the database, and Starlette runs them in threads."""

    def whole(_: Request) -> Response:
        document = health()
        return JSONResponse(document, 503 if document["status"] == FAILING else 200)

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    def ready(_: Request) -> Response:
        if stopping():
            return JSONResponse({"status": "stopping"}, 503)
        if not status.read().reachable:
            return JSONResponse({"status": "failing", "database": "unreachable"}, 503)
        return JSONResponse({"status": "ok"})

    def exposition(_: Request) -> Response:
        return Response(generate_latest(metrics), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return Starlette(
        routes=[
            Route("/health", whole),
            Route("/health/live", live),
            Route("/health/ready", ready),
            Route("/metrics", exposition),
        ]
    )


class Web:
    """Serves the application from a thread; the main thread belongs to the schedule and to signals."""

    def __init__(self, app: Starlette, host: str, port: int) -> None:
        config = uvicorn.Config(app, host=host, port=port, log_config=None, access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._socket = _bound(host, port)
        self._thread = threading.Thread(target=self._server.run, args=[[self._socket]], name="web", daemon=True)

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
        self._thread.start()
        deadline = time.monotonic() + START_PATIENCE
        while not self._server.started and time.monotonic() < deadline:
            time.sleep(0.01)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(5)
        self._socket.close()


def _bound(host: str, port: int) -> socket.socket:
    import socket

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # All addresses of IPv6 are taken for all addresses, as elsewhere.
    dual = host == "::" and socket.has_dualstack_ipv6()
    try:
        return socket.create_server((host, port), family=family, dualstack_ipv6=dual)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "no such address"
        raise SettingsError(
            f"PORT, LISTEN_HOST: port {port} of {host} cannot be opened ({why}); choose another port or address"
        ) from None
