"""The application: every route, behind the fault middleware."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from oura_simulator.admin import Admin
from oura_simulator.fault_middleware import FaultMiddleware
from oura_simulator.responses import Json, Refusal
from oura_simulator.sandbox import Sandbox
from oura_simulator.settings import Settings
from oura_simulator.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from starlette.requests import Request
    from starlette.responses import Response


def create_app(settings: Settings | None = None, now: Callable[[], datetime] | None = None) -> Starlette:
    """Return a simulator as an ASGI application; `now` replaces the clock. Its parts are at `app.state.simulator`."""
    settings = settings or Settings()
    simulator = Simulator(settings, now)
    app = Starlette(
        routes=[
            Route("/v2/usercollection/{collection}", simulator.pages.list),
            Route("/v2/usercollection/{collection}/{document_id}", simulator.pages.document),
            *Sandbox(simulator.clock).routes(),
            *simulator.oauth.routes(),
            *simulator.consent.routes(),
            *Admin(simulator).routes(),
        ],
        middleware=[
            Middleware(
                FaultMiddleware,
                access=simulator.access,
                clock=simulator.clock,
                faults=simulator.faults,
                request_log=simulator.request_log,
                latency_ms=settings.latency_ms,
            )
        ],
        exception_handlers={Refusal: _failed, HTTPException: _failed},
    )
    app.state.simulator = simulator
    return app


async def _failed(_: Request, error: Exception) -> Response:
    if isinstance(error, Refusal):
        return error.answer()
    if isinstance(error, HTTPException):
        return Json({"detail": error.detail}, error.status_code)
    raise error
