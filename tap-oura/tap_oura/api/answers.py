"""Decodes the body of a response into a JSON object, exactly: numbers keep every digit, characters stay unchanged."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

import msgspec

from tap_oura.errors import BrokenAnswer, Unreachable

Document = dict[str, Any]

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

LONGEST_INTEGER = 4_300
"""Digits, as with msgspec and Python: decoding takes time by their square."""

TOO_DEEP = "the response is nested too deeply"

UNFINISHED = re.compile(r"-|\.|[eE][+-]?|t|tru?|f|fal?|fals|n|nul?|u[0-9a-fA-F]{0,4}")
"""What is left of a number, a word or an escape that was cut off."""


def parse(body: bytes) -> Document:
    """Return the JSON object of a response. A number that neither 64 bits nor a finite double can hold is its text.

    Raises Unreachable for a truncated body, which is worth a retry, and BrokenAnswer for a complete one that is no
    JSON object.
    """
    body = body.removeprefix(BYTE_ORDER_MARK)
    try:
        try:
            answer = msgspec.json.decode(body)
        except ValueError:
            # It refuses half a surrogate pair and a number beyond a double, both of which JSON allows.
            answer = _slowly(body)
    except RecursionError:
        raise BrokenAnswer(TOO_DEEP) from None
    if not isinstance(answer, dict):
        raise BrokenAnswer("the response is not a JSON object")
    return answer


def _slowly(body: bytes) -> Any:
    text = body.decode("utf-8", "surrogateescape")
    try:
        answer = json.loads(text, parse_int=_integer, parse_float=_double, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        if _broke_off(text, error):
            raise Unreachable("the answer broke off") from None
        raise BrokenAnswer("the response is not JSON") from None
    try:
        body.decode()
    except UnicodeDecodeError:
        raise BrokenAnswer("the response is not UTF-8") from None
    return answer


def _broke_off(text: str, error: json.JSONDecodeError) -> bool:
    """Whether the parser met the end of the text and not a fault in it."""
    left = text[error.pos :]
    return not left.strip() or error.msg.startswith("Unterminated string") or bool(UNFINISHED.fullmatch(left))


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= LONGEST_INTEGER else digits


def _double(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


def _no_number(word: str) -> NoReturn:
    raise BrokenAnswer(f"the response is not JSON: it contains {word}")
