"""The four routes: /health for people, /health/live and /health/ready for probes, /metrics for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from oura_collector.http_server import HttpServer, listen
from oura_collector.service.health import FAILING
from oura_collector.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from starlette.requests import Request

    from oura_collector.runs.status import Status


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


class Web(HttpServer):
    """Serves the application from a thread; the main thread belongs to the schedule and to signals."""

    def __init__(self, app: Starlette, host: str, port: int) -> None:
        try:
            listener = listen(host, port)
        except OSError as error:
            raise SettingsError(
                f"PORT, LISTEN_HOST: port {port} of {host} cannot be opened ({error.strerror}); "
                "choose another port or address"
            ) from None
        super().__init__(app, listener)
