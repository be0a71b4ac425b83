"""Randomness that depends on nothing but its own name."""

from __future__ import annotations

from hashlib import blake2b
from random import Random


def draw(*name: object) -> float:
    """A number in [0, 1) that belongs to this name for ever."""
    digest = blake2b("|".join(map(str, name)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def stream(*name: object) -> Random:
    """A generator whose whole sequence belongs to this name."""
    digest = blake2b("|".join(map(str, name)).encode(), digest_size=16).digest()
    return Random(int.from_bytes(digest, "big"))
