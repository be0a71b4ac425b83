"""The meaning of a response's status. Pure: it neither waits nor logs."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from tap_oura.errors import Forbidden, OuraError, Passing, RateLimited, Refused, ScopeMissing, TokenRejected

if TYPE_CHECKING:
    from tap_oura.transport import Answer

REMAINING = "X-RateLimit-Remaining"
TIER = "X-RateLimit-Tier"

WORD = re.compile(r"[\w.-]{1,40}", re.ASCII)
"""What of a header may stand in a message; anything else is as good as no header."""

SCOPE_WORDS = ("scope", "not authorized access")


def explain(answer: Answer) -> OuraError | None:
    """Return the error that a status means, or None for a success."""
    status = answer.status
    if status == 200:
        return None
    if status == 401:
        if any(each in _detail(answer).lower() for each in SCOPE_WORDS):
            return ScopeMissing("the scope of this collection was not granted: log in again and grant it")
        return TokenRejected("Oura rejects the access token: it is expired, revoked or mistyped")
    if status == 403:
        return Forbidden("Oura denies access (403): the membership may have lapsed")
    if status == 429:
        tier, left = word(answer, TIER) or "unknown", word(answer, REMAINING) or "unknown"
        wait = _demanded_wait(answer)
        return RateLimited(
            f"rate limited (tier {tier}, {REMAINING} {left}{'' if wait is None else f', for {wait:.0f} s'})", wait
        )
    if status >= 500:
        return Passing(f"Oura responds with {status}")
    return Refused(f"Oura rejects the request ({status})")


def _detail(answer: Answer) -> str:
    body = answer.json()
    return str(body.get("detail", "")) if isinstance(body, dict) else ""


def word(answer: Answer, name: str) -> str | None:
    """Return a header's value, None if it is missing or more than a word."""
    value = answer.headers.get(name, "")
    return value if WORD.fullmatch(value) else None


def _demanded_wait(answer: Answer) -> float | None:
    headers = answer.headers
    try:
        if "Retry-After" in headers:
            return max(0.0, float(headers["Retry-After"]))
        if "X-RateLimit-Reset" in headers:
            return max(0.0, float(headers["X-RateLimit-Reset"]) - time.time())
    except ValueError:
        pass
    return None
