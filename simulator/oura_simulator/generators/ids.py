"""Document ids: shaped like UUIDs, and readable again, so that a document is found by its id with nothing stored.

The lower 62 free bits carry account, collection, day, position and generation, hidden under a mask; the upper 60 are a
check over them, which makes ids of different seeds and accounts unrelated and a made-up id detectable.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from uuid import UUID

from oura_simulator.collections import NAMES, NUMBERS

_WIDTHS = (("account", 24), ("collection", 5), ("day", 22), ("position", 8), ("generation", 3))


@dataclass(frozen=True)
class Address:
    """A document's address: its number in the day (`position`), and how often it was recreated (`generation`)."""

    account: int
    collection: str
    day: date
    position: int
    generation: int = 0


def _hash(seed: int, label: str, value: int, bits: int) -> int:
    digest = blake2b(f"{seed}|{label}|{value}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> (64 - bits)


def encode(seed: int, address: Address) -> str:
    values = (
        address.account,
        NUMBERS[address.collection],
        address.day.toordinal(),
        address.position,
        address.generation,
    )
    payload = 0
    for (_, width), value in zip(_WIDTHS, values, strict=True):
        payload = payload << width | value
    check = _hash(seed, "check", payload, 60)
    hidden = payload ^ _hash(seed, "mask", check, 62)
    high = (check >> 12) << 16 | 0x4000 | check & 0xFFF
    return str(UUID(int=high << 64 | 0b10 << 62 | hidden))


def decode(seed: int, text: str) -> Address | None:
    """Return the address of an id; None for an id that is not of this seed."""
    try:
        number = UUID(text).int
    except ValueError:
        return None
    high = number >> 64
    check = (high >> 16) << 12 | high & 0xFFF
    payload = (number & (2**62 - 1)) ^ _hash(seed, "mask", check, 62)
    if _hash(seed, "check", payload, 60) != check:
        return None
    values = {}
    rest = payload
    for name, width in reversed(_WIDTHS):
        values[name] = rest & (2**width - 1)
        rest >>= width
    return Address(
        values["account"],
        NAMES[values["collection"]],
        date.fromordinal(values["day"]),
        values["position"],
        values["generation"],
    )
