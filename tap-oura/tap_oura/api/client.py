"""HTTP with Oura: one session, paging to the end, retries of temporary failures, one clear error for all others."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import backoff
import requests

from tap_oura.api.answers import Document, parse
from tap_oura.api.limits import Limits
from tap_oura.api.statuses import REMAINING, TIER, explain, word
from tap_oura.api.traffic import Traffic
from tap_oura.errors import (
    BrokenAnswer,
    OuraError,
    Passing,
    RateLimited,
    ScopeMissing,
    TokenRejected,
    TooSlow,
    Unreachable,
)
from tap_oura.transport import DeadlinePassed, Session, TooManyBytes, without_userinfo

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from tap_oura.accounts import Account

logger = logging.getLogger(__name__)

LONGEST_WAIT = 300.0
"""Seconds. If Oura demands a longer wait, the window fails, so that the run does not hang."""

MIB = 1024 * 1024

MOST_OF_A_PAGE = 8 * MIB
"""Weight of one page. A month of `sleep` or `daily_activity` in a single page weighs some 2 MiB, a thousand heart rates
0.1 MiB. Python takes 3 to 10 times the weight: 80 MiB at the worst."""

TOO_LARGE = f"a response of more than {MOST_OF_A_PAGE // MIB} MiB"

MOST_OF_A_WINDOW = 32 * MIB
"""Weight of all pages of a window: 330,000 heart rates, where a month usually has 13,000 and live sessions make some
10,000 a day. While a window is read this is what it takes; Python's objects of it come into being when it is whole."""

SMALL_WINDOW = 2 * MIB
"""Weight up to which a window is read beside others; of larger ones only one at a time."""

MARK = 8
"""Weight of a value beyond its text: `{}` takes 64 bytes of memory, and each value a place in its list or object."""

MOST_PAGES = 5_000
"""Pages of one window, of which heart rate at 10,000 samples a day has 280."""

ANSWER_WITHIN = 2
"""Time-outs that a request may take from its start to the last byte: one until the answer begins, one for the rest."""

WINDOW_WITHIN = 20
"""Time-outs that the requests of a window may take together. Waiting that Oura demands and pauses do not count."""

NO_DOCUMENT = "no document"
"""The name under which something that is no object is kept."""

PERSONAL_INFO = "personal_info"
"""The one route that any living token may read."""


@dataclass(frozen=True)
class Page:
    """One successful response: its body, the JSON object in it, and its estimated size in memory, in bytes."""

    body: bytes
    answer: Document
    weight: int


class Stopwatch:
    """Adds up the seconds that the requests of a window take."""

    seconds = 0.0

    def __enter__(self) -> None:
        self._started = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.monotonic() - self._started


class Client:
    """Reads collections. One instance serves a whole run and all its accounts, from as many threads as `connections`.

    `base` is the URL above the collections, `timeout` seconds for connecting and between two bytes, `retries` how often
    a temporary failure is retried. Memory and time of one window are bounded: see the constants above.
    """

    def __init__(self, base: str, *, timeout: float, retries: int, user_agent: str, connections: int = 1) -> None:
        self.base = without_userinfo(base).rstrip("/")
        self.timeout = timeout
        self.retries = retries
        self.traffic = Traffic()
        self.limits = Limits()
        self.session = Session(user_agent, connections)
        self._patient = True
        self._large = threading.Lock()

    @classmethod
    def from_settings(cls, config: Mapping[str, Any]) -> Client:
        return cls(
            config["api_url"].rstrip("/") + ("/v2/sandbox" if config.get("sandbox") else "/v2") + "/usercollection",
            timeout=config["timeout_seconds"],
            retries=config["max_retries"],
            user_agent=config["user_agent"],
            connections=config.get("concurrency", 1),
        )

    def own_id(self, account: Account) -> str:
        """Return Oura's id of the wearer. Raises OuraError."""
        own_id = self.get(account, PERSONAL_INFO).get("id")
        if not isinstance(own_id, str):
            raise BrokenAnswer("personal_info has no id")
        return own_id

    def pages(self, account: Account, segment: str, parameters: dict[str, str]) -> Iterator[list[Document]]:
        """Read all pages of a window, then yield them.

        An empty page with a token is not the end; a missing token is. Raises OuraError.
        """
        try:
            yield from self._window(account, segment, parameters)
        except Exception as error:  # noqa: BLE001
            raise _bare(error) from None

    def _window(self, account: Account, segment: str, parameters: dict[str, str]) -> Iterator[list[Document]]:
        seen: set[str] = set()
        token: str | None = None
        pages: deque[list[Document] | bytes] = deque()
        weight, stopwatch = 0, Stopwatch()
        with ExitStack() as turn:
            for _ in range(MOST_PAGES):
                query = {**parameters, "next_token": token} if token else parameters
                page = self._get(account, segment, query, stopwatch)
                documents = _documents(page.answer)
                weight, before = weight + page.weight, weight
                if weight > MOST_OF_A_WINDOW:
                    raise BrokenAnswer(f"too much for one window: no end after {before // MIB} MiB")
                if weight > SMALL_WINDOW >= before:
                    turn.enter_context(self._large)
                # A window that fails for its size should not have taken five times that size before.
                pages.append(documents if weight <= SMALL_WINDOW else page.body)
                token = page.answer.get("next_token")
                if not token:
                    break
                if not isinstance(token, str):
                    raise BrokenAnswer("the page token is not text")
                if token in seen:
                    raise BrokenAnswer("a page token was repeated, so the end of the pages is unknown")
                seen.add(token)
            else:
                raise BrokenAnswer(f"no end after {MOST_PAGES} pages")
            while pages:
                kept = pages.popleft()
                yield kept if isinstance(kept, list) else _documents(parse(kept))

    def get(self, account: Account, segment: str, parameters: dict[str, str] | None = None) -> Document:
        """Return one JSON object, with retries. Raises OuraError, after 401 TokenRejected or ScopeMissing."""
        try:
            return self._get(account, segment, parameters or {}, Stopwatch()).answer
        except Exception as error:  # noqa: BLE001
            raise _bare(error) from None

    def _get(self, account: Account, segment: str, parameters: dict[str, str], stopwatch: Stopwatch) -> Page:
        token = account.token
        try:
            return self._patiently(account, segment, parameters, stopwatch)
        except TokenRejected:
            # The token may have expired early. It is refreshed once; a second 401 is not about the token.
            if account.credentials.renew(token):
                return self._get(account, segment, parameters, stopwatch)
            if segment == PERSONAL_INFO or not self._alive(account):
                raise
            raise ScopeMissing("Oura denies this collection although the token works: grant its scope") from None

    def _alive(self, account: Account) -> bool:
        try:
            self._patiently(account, PERSONAL_INFO, {}, Stopwatch())
        except OuraError:
            return False
        return True

    def _patiently(self, account: Account, segment: str, parameters: dict[str, str], stopwatch: Stopwatch) -> Page:
        # Once all retries failed, further requests get one attempt, or an outage would cost every window all its
        # timeouts; the first successful response restores the retries.
        tries = self.retries + 1 if self._patient else 1
        patient = backoff.on_exception(
            _waits, Passing, max_tries=tries, giveup=_hopeless, jitter=None, logger=None, on_backoff=_tell
        )
        try:
            page: Page = patient(self._once)(account, segment, parameters, stopwatch)
        except TooSlow:
            raise  # It cost one attempt, and concerns no other account.
        except Passing:
            self._patient = False
            raise
        self._patient = True
        return page

    def _once(self, account: Account, segment: str, parameters: dict[str, str], stopwatch: Stopwatch) -> Page:
        token = account.token
        self.limits.wait(account)
        if stopwatch.seconds > (WINDOW_WITHIN - ANSWER_WITHIN) * self.timeout:
            raise TooSlow(f"no end of the pages within {WINDOW_WITHIN * self.timeout:g} s")
        try:
            with stopwatch:
                answer = self.session.ask(
                    "GET",
                    f"{self.base}/{segment}",
                    params=parameters,
                    headers={"Authorization": f"Bearer {token}"},
                    timeout=self.timeout,
                    within=ANSWER_WITHIN * self.timeout,
                    most=MOST_OF_A_PAGE,
                )
        except requests.RequestException as error:
            self.traffic.note(account, segment, "unreachable")
            raise self._incomplete(error) from None
        self.traffic.note(account, segment, str(answer.status), word(answer, REMAINING))
        if (fault := explain(answer)) is not None:
            if isinstance(fault, RateLimited) and fault.wait and fault.wait <= LONGEST_WAIT:
                self.limits.pause(account, word(answer, TIER) or "", fault.wait)
            raise fault
        if (weight := _weight(answer.body)) > MOST_OF_A_PAGE:
            raise BrokenAnswer(TOO_LARGE)
        return Page(answer.body, parse(answer.body), weight)

    def _incomplete(self, error: requests.RequestException) -> OuraError:
        if isinstance(error, TooManyBytes):
            return BrokenAnswer(TOO_LARGE)
        if isinstance(error, DeadlinePassed):
            return TooSlow(f"no complete response from Oura within {ANSWER_WITHIN * self.timeout:g} s")
        # The exception's text contains the URL and maybe more; its class is enough.
        return Unreachable(f"no complete response from Oura ({type(error).__name__})")


def _bare(error: Exception) -> Exception:
    """Return the error without its frames: failures are stored, and frames hold large pages."""
    error.__context__ = None
    return error.with_traceback(None)


def _weight(body: bytes) -> int:
    """Return the bytes of a body, and what its values will take in memory beyond their text."""
    return len(body) + MARK * (len(body) - len(body.translate(None, b"{[,")))


def _documents(answer: Document) -> list[Document]:
    data = answer.get("data")
    if not isinstance(data, list):
        raise BrokenAnswer("the response has no list of documents under 'data'")
    # What is no object can have no key: it is set aside like a document without one.
    return [each if isinstance(each, dict) else {NO_DOCUMENT: each} for each in data]


def _waits() -> Generator[float, Passing, None]:
    """Oura's own demand, else 1, 2, 4, … seconds (30 at most) with a jitter of half that."""
    # The library sends each exception in; the first `yield` only starts the generator.
    error = yield 0.0
    for attempt in count():
        calm = min(2.0**attempt, 30.0)
        # Sending from several runs at the same instant would only meet the same limit again.
        error = yield calm * random.uniform(0.5, 1.0) if error.wait is None else error.wait + random.uniform(0, 0.5)


def _hopeless(error: Exception) -> bool:
    if isinstance(error, TooSlow):
        return True
    return isinstance(error, Passing) and error.wait is not None and error.wait > LONGEST_WAIT


def _tell(details: Any) -> None:
    logger.warning("%s; trying again in %.1f s (%d)", details["exception"], details["wait"], details["tries"])
