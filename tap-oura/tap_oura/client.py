"""HTTP with Oura: one session, paging to the end, retries for what passes, one clear error for what does not."""

from __future__ import annotations

import logging
import random
import time
from itertools import count
from typing import TYPE_CHECKING, Any

import backoff
import requests
from requests.adapters import HTTPAdapter

from tap_oura.answers import Document, parse
from tap_oura.errors import (
    BrokenAnswer,
    Forbidden,
    OuraError,
    Passing,
    RateLimited,
    Refused,
    ScopeMissing,
    TokenRejected,
    Unreachable,
)
from tap_oura.limits import Limits
from tap_oura.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from tap_oura.accounts import Account

logger = logging.getLogger(__name__)

LONGEST_WAIT = 300.0
"""Seconds. Who asks us to wait longer gets a failed window instead of a run that hangs."""

MOST_PAGES = 10_000
"""Pages of one window; a server that never ends must not keep us for ever."""

PERSONAL_INFO = "personal_info"
"""The one route that any living token may read."""

REMAINING = "X-RateLimit-Remaining"
TIER = "X-RateLimit-Tier"

SCOPE_WORDS = ("scope", "not authorized access")


class Client:
    """Reads collections. One instance serves a whole run and all its accounts, from as many threads as `connections`.

    `base` is the URL above the collections, `timeout` seconds for connecting and between two bytes, `retries` how often
    a passing fault is tried again.
    """

    def __init__(self, base: str, *, timeout: float, retries: int, user_agent: str, connections: int = 1) -> None:
        self.base = base.rstrip("/")
        self.timeout = timeout
        self.retries = retries
        self.traffic = Traffic()
        self.limits = Limits()
        self.session = requests.Session()
        for scheme in ("https://", "http://"):
            self.session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=connections, pool_block=True))
        self.session.headers.update({"User-Agent": user_agent, "Accept": "application/json"})
        self._patient = True

    def pages(self, account: Account, segment: str, parameters: dict[str, str]) -> Iterator[list[Document]]:
        """Yield every page of a collection. An empty page with a token is not the end; a missing token is."""
        seen: set[str] = set()
        token: str | None = None
        for _ in range(MOST_PAGES):
            answer = self.get(account, segment, {**parameters, **({"next_token": token} if token else {})})
            data = answer.get("data")
            if not isinstance(data, list) or not all(isinstance(document, dict) for document in data):
                raise BrokenAnswer("the answer has no list of documents under 'data'")
            yield data
            token = answer.get("next_token")
            if not token:
                return
            if token in seen:
                raise BrokenAnswer("a page token came back twice, so the end of the pages cannot be known")
            seen.add(token)
        raise BrokenAnswer(f"no end after {MOST_PAGES} pages")

    def get(self, account: Account, segment: str, parameters: dict[str, str] | None = None) -> Document:
        """Return one JSON object, retried while the fault may pass. A 401 is told apart as token or scope."""
        token = account.token
        try:
            return self._patiently(account, segment, parameters or {})
        except TokenRejected:
            # The token may have died before its time. A new one is asked for once; a second 401 is not about the token.
            if account.credentials.renew(token):
                return self.get(account, segment, parameters)
            if segment == PERSONAL_INFO or not self._alive(account):
                raise
            raise ScopeMissing("Oura refuses this collection although the token works: grant its scope") from None

    def _alive(self, account: Account) -> bool:
        try:
            self._patiently(account, PERSONAL_INFO, {})
        except OuraError:
            return False
        return True

    def _patiently(self, account: Account, segment: str, parameters: dict[str, str]) -> Document:
        # Once all retries were in vain, further requests get one attempt, or an outage would cost every window all its
        # time-outs; the first good answer restores the patience.
        tries = self.retries + 1 if self._patient else 1
        patient = backoff.on_exception(
            _waits, Passing, max_tries=tries, giveup=_hopeless, jitter=None, logger=None, on_backoff=_tell
        )
        try:
            answer: Document = patient(self._once)(account, segment, parameters)
        except Passing:
            self._patient = False
            raise
        self._patient = True
        return answer

    def _once(self, account: Account, segment: str, parameters: dict[str, str]) -> Document:
        token = account.token
        self.limits.wait(account.label)
        try:
            response = self.session.get(
                f"{self.base}/{segment}",
                params=parameters,
                headers={"Authorization": f"Bearer {token}"},
                timeout=self.timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            self.traffic.note(account.label, segment, "unreachable")
            # The exception's own text holds the URL and may hold more; its class says enough.
            raise Unreachable(f"no complete answer from Oura ({type(error).__name__})") from None
        self.traffic.note(account.label, segment, str(response.status_code), response.headers.get(REMAINING))
        if (fault := explain(response)) is not None:
            if isinstance(fault, RateLimited) and fault.wait and fault.wait <= LONGEST_WAIT:
                self.limits.pause(account.label, response.headers.get(TIER, ""), fault.wait)
            raise fault
        return parse(response.content)


def explain(response: requests.Response) -> OuraError | None:
    """Return what a status means, or None for a good answer. Pure: it neither waits nor logs."""
    status = response.status_code
    if status == 200:
        return None
    if status == 401:
        if any(word in _detail(response).lower() for word in SCOPE_WORDS):
            return ScopeMissing("the scope of this collection was not granted: consent again with it")
        return TokenRejected("Oura rejects the access token: it is expired, revoked or mistyped")
    if status == 403:
        return Forbidden("Oura forbids it (403): the membership may have lapsed")
    if status == 429:
        tier = response.headers.get(TIER, "unknown")
        wait = _demanded_wait(response)
        left = response.headers.get(REMAINING, "unknown")
        return RateLimited(
            f"rate limited (tier {tier}, {REMAINING} {left}{'' if wait is None else f', for {wait:.0f} s'})", wait
        )
    if status >= 500:
        return Passing(f"Oura answers {status}")
    return Refused(f"Oura refuses the request ({status})")


def _detail(response: requests.Response) -> str:
    try:
        body = response.json()
    except ValueError:
        return ""
    return str(body.get("detail", "")) if isinstance(body, dict) else ""


def _demanded_wait(response: requests.Response) -> float | None:
    headers = response.headers
    try:
        if "Retry-After" in headers:
            return max(0.0, float(headers["Retry-After"]))
        if "X-RateLimit-Reset" in headers:
            return max(0.0, float(headers["X-RateLimit-Reset"]) - time.time())
    except ValueError:
        pass
    return None


def _waits() -> Generator[float, Passing, None]:
    """Oura's own demand, else 1, 2, 4, … seconds (30 at most) with a jitter of half that."""
    # The library sends each exception in; the first `yield` only starts the generator.
    error = yield 0.0
    for attempt in count():
        calm = min(2.0**attempt, 30.0)
        # Sending from several runs at the same instant would only meet the same limit again.
        error = yield calm * random.uniform(0.5, 1.0) if error.wait is None else error.wait + random.uniform(0, 0.5)


def _hopeless(error: Exception) -> bool:
    return isinstance(error, Passing) and error.wait is not None and error.wait > LONGEST_WAIT


def _tell(details: Any) -> None:
    logger.warning("%s; trying again in %.1f s (%d)", details["exception"], details["wait"], details["tries"])
