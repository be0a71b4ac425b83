"""The consent page in this machine's browser, and a server for the redirect in which its answer comes.

Anything may reach that port: a browser's spare connection, its request for an icon, a page from another login. Only an
answer with this login's `state` ends the waiting.
"""

from __future__ import annotations

import webbrowser
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
from tap_oura.credentials.consent import ConsentFailed, NotTheAnswer

from oura_collector.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.applications import Starlette
    from starlette.requests import Request as HttpRequest
    from starlette.responses import Response
    from tap_oura.credentials.consent import Request

LOOPBACK = ("localhost", "127.0.0.1", "::1")
CONSENT_TIMEOUT = 600
"""Seconds for a consent; Oura's code expires then too."""

DONE = "<!doctype html><meta charset=utf-8><title>Done</title><p>Thank you. You can close this page now."
WRONG = "<!doctype html><meta charset=utf-8><title>No consent</title><p>This did not work; the terminal shows why."


def receive(request: Request) -> str | None:
    """Return the URL with the answer, or None if it can only be pasted. Raises SettingsError."""
    try:
        parts = urlsplit(request.redirect_uri)
        host, port = parts.hostname, parts.port or 80
    except ValueError as error:
        raise SettingsError(f"OURA_REDIRECT_URI: not a URL ({error})") from None
    if host not in LOOPBACK or parts.scheme != "http":
        return None
    # The web server takes longer to import than most commands to run.
    from oura_collector.http_server import HttpServer, listen

    try:
        listener = listen("127.0.0.1" if host == "localhost" else host, port)
    except OSError as error:
        raise SettingsError(f"login: cannot listen at {request.redirect_uri} ({error.strerror}); use --paste") from None
    arrived: SimpleQueue[str | None] = SimpleQueue()
    server = HttpServer(_application(request, parts.path or "/", arrived.put), listener)
    server.start()
    try:
        click.echo(f"Allow access on the page in your browser. If no page opens, open this one:\n\n  {request.url}\n")
        # In a thread, because some browsers block `open` until they are closed.
        Thread(target=_open, args=[request.url, arrived.put], daemon=True).start()
        return arrived.get(timeout=CONSENT_TIMEOUT)
    except Empty:
        raise SettingsError("login: no consent within ten minutes; run it again, or use --paste") from None
    finally:
        server.stop()


def _open(url: str, arrived: Callable[[None], None]) -> None:
    if not webbrowser.open(url):
        arrived(None)


def _application(request: Request, path: str, arrived: Callable[[str], None]) -> Starlette:
    """Pass on the first URL that answers the request; each reason to ignore others is printed once."""
    from starlette.applications import Starlette
    from starlette.responses import HTMLResponse
    from starlette.routing import Route

    printed: set[str] = set()

    def ignored(why: str, status: int) -> Response:
        if why not in printed:
            printed.add(why)
            click.echo(f"Still waiting for the consent; ignored a request from a browser: {why}")
        return HTMLResponse(WRONG, status)

    async def answer(received: HttpRequest) -> Response:
        if received.scope["raw_path"] != path.encode():
            return ignored("it is for another page", 404)
        url = f"{path}?{received.scope['query_string'].decode('latin-1')}"
        try:
            request.answer(url)
            page = DONE
        except NotTheAnswer as error:
            return ignored(error.why, 400)
        except ConsentFailed:
            page = WRONG
        arrived(url)
        return HTMLResponse(page)

    return Starlette(routes=[Route("/{path:path}", answer)])
