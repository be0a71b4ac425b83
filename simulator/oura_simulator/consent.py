"""The consent page: which account, which scopes, allow or deny."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from oura_simulator.collections import SCOPES

if TYPE_CHECKING:
    from starlette.requests import Request

    from oura_simulator.access import Access
    from oura_simulator.accounts import Accounts
    from oura_simulator.clock import Clock

CODE_SECONDS = 600
PATHS = ("/oauth/authorize", "/oauth/v2/ext/oauth-authorize")
CARRIED = ("client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method")

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Consent</title></head><body>
<h1>{client} asks for your data</h1>
<form method="post">
{carried}
<p><label>Account <input name="user" value="{user}"></label></p>
<fieldset><legend>Scopes</legend>
{scopes}
</fieldset>
<p><button name="decision" value="allow" id="allow">Allow</button>
<button name="decision" value="deny" id="deny">Deny</button></p>
</form></body></html>
"""


@dataclass(frozen=True)
class Code:
    """An authorization code, good for one exchange until `expires_at` (epoch seconds)."""

    account: int
    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    expires_at: int
    challenge: str | None
    challenge_method: str


class Consent:
    def __init__(self, accounts: Accounts, access: Access, clock: Clock) -> None:
        self._accounts = accounts
        self._access = access
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        self._codes: dict[str, Code] = {}
        self._given = 0

    def routes(self) -> list[Route]:
        return [Route(path, self._page, methods=["GET", "POST"]) for path in PATHS]

    def take_code(self, code: str) -> Code | None:
        """Return the code and remove it: an attempt to use it counts, successful or not. None for an unknown one."""
        return self._codes.pop(code, None)

    async def _page(self, request: Request) -> Response:
        parameters = dict(request.query_params)
        form = dict(pairs := parse_qsl((await request.body()).decode("utf-8", "replace")))
        parameters |= {name: form[name] for name in CARRIED if name in form}
        problem = self._problem(parameters)
        if problem:
            return HTMLResponse(f"<!doctype html><title>Error</title><p>{escape(problem)}</p>", 400)
        if request.method == "GET":
            return HTMLResponse(self._form(parameters))
        state = {"state": parameters["state"]} if "state" in parameters else {}
        if form.get("decision") != "allow":
            return _redirect(parameters["redirect_uri"], {"error": "access_denied"} | state)
        account = self._accounts.number(form.get("user", ""))
        if account is None:
            return HTMLResponse("<!doctype html><title>Error</title><p>There is no such account.</p>", 400)
        granted = tuple(value for name, value in pairs if name == "scopes" and value in SCOPES)
        code = self._issue(account, parameters, granted)
        return _redirect(parameters["redirect_uri"], {"code": code, "scope": " ".join(granted)} | state)

    def _problem(self, parameters: dict[str, str]) -> str | None:
        if self._accounts.number(parameters.get("client_id", ""), "client-") is None:
            return "There is no such client."
        if parameters.get("response_type", "code") != "code":
            return "Only response_type=code is supported."
        if urlsplit(parameters.get("redirect_uri", "")).scheme not in ("http", "https"):
            return "redirect_uri is missing or is not a web address."
        return None

    def _form(self, parameters: dict[str, str]) -> str:
        number = self._accounts.number(parameters["client_id"], "client-")
        # Unknown names are dropped in silence; none at all means everything.
        wanted = [scope.removeprefix("extapi:") for scope in parameters.get("scope", "").split()] or list(SCOPES)
        boxes = (
            f'<label><input type="checkbox" name="scopes" value="{scope}" checked> {scope}</label>'
            for scope in SCOPES
            if scope in wanted
        )
        carried = (
            f'<input type="hidden" name="{name}" value="{escape(parameters[name])}">'
            for name in CARRIED
            if name in parameters
        )
        return PAGE.format(
            client=escape(parameters["client_id"]),
            user=f"user-{number}",
            carried="\n".join(carried),
            scopes="\n".join(boxes),
        )

    def _issue(self, account: int, parameters: dict[str, str], scopes: tuple[str, ...]) -> str:
        self._given += 1
        text = self._accounts.secret("code", self._given)
        self._codes[text] = Code(
            account,
            parameters["client_id"],
            parameters["redirect_uri"],
            scopes,
            self._clock.epoch() + CODE_SECONDS,
            parameters.get("code_challenge"),
            parameters.get("code_challenge_method", "S256"),
        )
        return text


def _redirect(uri: str, answer: dict[str, str]) -> Response:
    joint = "&" if urlsplit(uri).query else "?"
    return RedirectResponse(f"{uri}{joint}{urlencode(answer)}", status_code=302)
