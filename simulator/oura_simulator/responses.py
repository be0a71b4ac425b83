"""Responses: JSON as Oura sends it, and the bodies of its errors."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response


class Json(Response):
    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return content if isinstance(content, bytes) else orjson.dumps(content)


class Refusal(Exception):
    """Raised if a request cannot be served; becomes the response."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body
        self.headers = headers

    def answer(self) -> Response:
        return Json(self.body, self.status, self.headers)


def missing_token() -> Refusal:
    return Refusal(400, {"detail": "Missing auth token. Include any string in 'Authorization' header."})


def dead_token() -> Refusal:
    return Refusal(
        401,
        {"status": 401, "title": "Unauthorized", "detail": "Access token is expired, revoked or malformed."},
    )


def missing_scope(scope: str) -> Refusal:
    return Refusal(401, {"detail": f"Token is not authorized access {scope} scope."})


def no_membership() -> Refusal:
    return Refusal(403, {"status": 403, "title": "Forbidden", "detail": "The user has no active Oura membership."})


def not_found(detail: str = "Not Found") -> Refusal:
    return Refusal(404, {"detail": detail})


def rate_limited(
    tier: str, now: int, retry_after: int | None = 1, limit: int = 5000, window: int = 300, reset: int | None = None
) -> Refusal:
    """Return a 429 with its five headers, or four if `retry_after` (seconds) is None."""
    headers = {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Window": str(window),
        "X-RateLimit-Reset": str(reset if reset is not None else now + (retry_after or 1)),
        "X-RateLimit-Tier": tier,
    }
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return Refusal(
        429, {"status": 429, "title": "Too Many Requests", "detail": "Request rate limit exceeded."}, headers
    )


def bad_date(parameter: str, text: str) -> Refusal:
    """Oura tries a date-time first and a date second, and reports both failures."""
    reason = "input is too short" if len(text) < 10 else "invalid character in year"
    return Refusal(
        422,
        {
            "detail": [
                _failure("datetime_from_date_parsing", [parameter, "datetime"], "datetime or date", reason, text),
                _failure("date_from_datetime_parsing", [parameter, "date"], "date or datetime", reason, text),
            ]
        },
    )


def bad_instant(parameter: str, text: str) -> Refusal:
    reason = "input is too short" if len(text) < 10 else "invalid character in year"
    return Refusal(
        422, {"detail": [_failure("datetime_from_date_parsing", [parameter], "datetime or date", reason, text)]}
    )


def invalid(parameter: str, message: str, text: str) -> Refusal:
    return Refusal(
        422, {"detail": [{"type": "value_error", "loc": ["query", parameter], "msg": message, "input": text}]}
    )


def _failure(kind: str, where: list[str], wanted: str, reason: str, text: str) -> dict[str, Any]:
    return {
        "type": kind,
        "loc": ["query", *where],
        "msg": f"Input should be a valid {wanted}, {reason}",
        "input": text,
        "ctx": {"error": reason},
    }
