"""The two token endpoints and revocation, each with its own behaviour."""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from starlette.responses import Response
from starlette.routing import Route

from oura_simulator.accounts import TOKEN_PATHS, Accounts, Provider
from oura_simulator.faults import TOKENS, Fault, Faults, HungUp
from oura_simulator.responses import Json, Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

    from oura_simulator.access import Access, Grant
    from oura_simulator.clock import Clock
    from oura_simulator.consent import Consent

MONTH = 30 * 86400


@dataclass
class Manners:
    """What differs between real deployments; `expires_in` None omits it from the response."""

    expires_in: int | None = MONTH
    prefix: str = "extapi:"


class OAuth:
    def __init__(self, accounts: Accounts, access: Access, clock: Clock, faults: Faults, consent: Consent) -> None:
        self._accounts = accounts
        self._access = access
        self._clock = clock
        self._faults = faults
        self._consent = consent
        self.manners = Manners()

    def routes(self) -> list[Route]:
        return [
            Route(TOKEN_PATHS["legacy"], self._legacy, methods=["POST"]),
            Route(TOKEN_PATHS["modern"], self._modern, methods=["POST"]),
            Route("/oauth/revoke", self._revoke, methods=["GET", "POST"]),
            Route("/oauth/v2/ext/oauth/revoke", self._revoke, methods=["POST"]),
        ]

    async def _legacy(self, request: Request) -> Response:
        return await self._token(request, "legacy")

    async def _modern(self, request: Request) -> Response:
        return await self._token(request, "modern")

    async def _revoke(self, request: Request) -> Response:
        form = dict(request.query_params) | await _form(request)
        token = form.get("access_token") or form.get("token")
        if not token:
            raise _error(400, "invalid_request", "No token was given.")
        self._access.end_grant(token)
        return Json({})

    async def _token(self, request: Request, endpoint: Provider) -> Response:
        form = await _form(request)
        client_id, secret = _client(request, form)
        account = self._accounts.number(client_id, "client-")
        entry = request.scope["entry"]
        entry.grant_type = form.get("grant_type")
        entry.user = f"user-{account}" if account else None
        faults = {fault.kind: fault for fault in self._faults.striking(TOKENS, account, None, request.url.path)}
        _fail_before(faults, endpoint)
        self._check_client(endpoint, account, secret, form)
        grant = self._grant(form, client_id)
        entry.user = f"user-{grant.account}"
        if form["grant_type"] == "refresh_token":
            self._access.rotate(grant)
        answer = self._pair(grant, endpoint)
        if "token_drop_after_rotation" in faults:
            raise HungUp("the answer was lost after the rotation")
        return Json(answer, headers={"cache-control": "no-store"})

    def _check_client(self, endpoint: Provider, account: int | None, secret: str, form: dict[str, str]) -> None:
        """Each endpoint refuses the other's clients, in words of its own."""
        is_known = account is not None and secret == self._accounts[account].client_secret
        is_here = account is not None and self._access.provider(account) == endpoint
        if endpoint == "modern":
            if not (is_known and is_here):
                raise Refusal(401, {"error": "invalid_client"})
            return
        if account is None:
            raise _error(400, "invalid_client", "Invalid client_id.")
        if not is_known:
            raise _error(400, "invalid_client", "Invalid client_secret.")
        if not is_here:
            status = 400 if form.get("grant_type") == "refresh_token" else 401
            raise _error(status, "invalid_request" if status == 400 else "invalid_client", "The request is invalid.")

    def _grant(self, form: dict[str, str], client_id: str) -> Grant:
        kind = form.get("grant_type")
        if kind == "refresh_token":
            grant = self._access.grant_of(_required(form, "refresh_token"))
            if grant is None or grant.client_id != client_id:
                raise _error(400, "invalid_grant", "Refresh token is unknown, revoked or already used.")
            return grant
        if kind == "authorization_code":
            code = self._consent.take_code(_required(form, "code"))
            if code is None or code.client_id != client_id or code.expires_at <= self._clock.epoch():
                raise _error(400, "invalid_grant", "Authorization code is unknown, expired or already used.")
            if form.get("redirect_uri", code.redirect_uri) != code.redirect_uri:
                raise _error(400, "invalid_redirect_uri", "The redirect URI is not the one that was authorized.")
            if not _verifies(code.challenge, code.challenge_method, form.get("code_verifier")):
                raise _error(400, "invalid_grant", "The code verifier does not match the challenge.")
            return self._access.grant(code.account, client_id, code.scopes)
        if not kind:
            raise _error(400, "invalid_request", "grant_type is missing.")
        raise _error(400, "unsupported_grant_type", "This grant type is not supported.")

    def _pair(self, grant: Grant, endpoint: Provider) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "token_type": "bearer" if endpoint == "legacy" else "Bearer",
            "access_token": self._access.issue(grant, self.manners.expires_in),
            "refresh_token": grant.refresh_token,
        }
        if self.manners.expires_in is not None:
            answer["expires_in"] = self.manners.expires_in
        if endpoint == "modern":
            scopes = grant.scopes & self._access.scopes(grant.account)
            answer["scope"] = " ".join(self.manners.prefix + scope for scope in sorted(scopes))
        return answer


def _fail_before(faults: dict[str, Fault], endpoint: Provider) -> None:
    """Failures that leave the refresh token unspent."""
    for kind in ("token_status", "token_before"):
        if kind in faults:
            raise _error(faults[kind].options["code"], "server_error", "Switched on by hand.")
    down = faults.get("one_endpoint_down")
    if down and down.options["endpoint"] == endpoint:
        raise _error(down.options["code"], "temporarily_unavailable", "This endpoint is down.")


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))


def _client(request: Request, form: dict[str, str]) -> tuple[str, str]:
    """Credentials of the client, from the form or from HTTP Basic."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, secret = b64decode(encoded).decode().partition(":")
        except (Base64Error, UnicodeDecodeError):
            return "", ""
        return unquote(name), unquote(secret)
    return form.get("client_id", ""), form.get("client_secret", "")


def _required(form: dict[str, str], name: str) -> str:
    if not form.get(name):
        raise _error(400, "invalid_request", f"{name} is missing.")
    return form[name]


def _verifies(challenge: str | None, method: str, verifier: str | None) -> bool:
    """PKCE is neither demanded nor refused: what is given must fit together."""
    if challenge is None or verifier is None:
        return True
    if method == "plain":
        return verifier == challenge
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=") == challenge


def _error(status: int, error: str, description: str) -> Refusal:
    return Refusal(status, {"error": error, "error_description": description})
