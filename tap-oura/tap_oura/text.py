"""Detects invalid text from outside: Python decodes bytes that are not UTF-8, and JSON's lone surrogates, into it."""

from __future__ import annotations

from typing import Any


def is_text(value: Any) -> bool:
    """Return whether all strings of a variable, an argument or a JSON value can be encoded as UTF-8."""
    if isinstance(value, dict):
        return all(is_text(name) and is_text(each) for name, each in value.items())
    if isinstance(value, list | tuple):
        return all(map(is_text, value))
    return not isinstance(value, str) or not any("\ud800" <= letter <= "\udfff" for letter in value)
