"""Faults: which requests fail, how, and how often."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from time import time
from typing import TYPE_CHECKING, Any

from oura_simulator.generators import noise

if TYPE_CHECKING:
    from collections.abc import Collection as Set

ANSWERS = frozenset({"status", "scope_401", "expired_401", "rate_limit", "quota"})
WIRE = frozenset({"slow", "timeout", "drop", "cut"})
PAGES = frozenset({"repeat_token", "empty_page", "missing_next_token", "duplicate", "unknown_field", "unknown_enum"})
TOKENS = frozenset({"token_drop_after_rotation", "token_status", "token_before", "one_endpoint_down"})
KINDS = ANSWERS | WIRE | PAGES | TOKENS | {"random"}

# The options of each kind beyond its selection of requests, with defaults.
OPTIONS: dict[str, dict[str, Any]] = {
    "status": {"code": 500},
    "rate_limit": {"tier": "user", "retry_after": 1, "limit": 5000, "window": 300},
    "quota": {"tier": "user", "limit": 5000, "window": 300},
    "slow": {"ms": 1000},
    "timeout": {"seconds": 60},
    "unknown_field": {"field": "brand_new_field", "value": {"version": 1}},
    "unknown_enum": {"field": None, "value": "brand_new_value"},
    "token_status": {"code": 500},
    "token_before": {"code": 503},
    "one_endpoint_down": {"endpoint": "legacy", "code": 503},
    "random": {"rates": {}, "seed": 1},
}


class HungUp(ConnectionResetError):
    """The connection is to be closed without a response. In process, clients get this exception itself."""


@dataclass
class Fault:
    """One fault and its requests: None for account, collections or path means all; for times, without end."""

    id: int
    kind: str
    account: int | None = None
    collections: tuple[str, ...] | None = None
    path: str | None = None
    times: int | None = None
    skip: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    seen: int = 0
    hit: int = 0
    recent: dict[int | None, deque[float]] = field(default_factory=dict)

    def concerns(self, account: int | None, collection: str | None, path: str) -> bool:
        return (
            (self.account is None or self.account == account)
            and (self.collections is None or collection in self.collections)
            and (self.path is None or path.startswith(self.path))
        )

    def strikes(self) -> bool:
        """Count a matching request; return whether the fault applies to it."""
        self.seen += 1
        if self.seen <= self.skip or (self.times is not None and self.hit >= self.times):
            return False
        self.hit += 1
        return True

    def described(self) -> dict[str, Any]:
        shown = {
            "id": self.id,
            "kind": self.kind,
            "user": None if self.account is None else f"user-{self.account}",
            "collection": self.collections,
            "path": self.path,
            "times": self.times,
            "skip": self.skip,
            "seen": self.seen,
            "hit": self.hit,
        }
        return shown | self.options

    def over_quota(self, account: int | None) -> float | None:
        """Count a request in the rolling window; return when the quota is free again (epoch seconds), if exceeded."""
        key = None if self.options["tier"] == "application" else account
        recent = self.recent.setdefault(key, deque())
        now = time()
        while recent and recent[0] <= now - self.options["window"]:
            recent.popleft()
        if len(recent) >= self.options["limit"]:
            return recent[0] + float(self.options["window"])
        recent.append(now)
        return None


class Faults:
    """All active faults, in the order of their activation."""

    def __init__(self) -> None:
        self.all: list[Fault] = []
        self._next = 1

    def add(self, kind: str, options: dict[str, Any], **concerned: Any) -> Fault:
        fault = Fault(self._next, kind, options=OPTIONS.get(kind, {}) | options, **concerned)
        self._next += 1
        self.all.append(fault)
        return fault

    def clear(self) -> None:
        self.all = []

    def remove(self, number: int) -> bool:
        kept = [fault for fault in self.all if fault.id != number]
        found = len(kept) < len(self.all)
        self.all = kept
        return found

    def striking(
        self, kinds: Set[str], account: int | None, collection: str | None, path: str, only_named: bool = False
    ) -> list[Fault]:
        """Count the request and return its faults of these kinds; `only_named`: those that name its path."""
        found = []
        for fault in self.all:
            if not fault.concerns(account, collection, path) or (only_named and fault.path is None):
                continue
            if fault.kind == "random":
                chosen = _chosen(fault, kinds)
                found += [chosen] if chosen else []
            elif fault.kind in kinds and fault.strikes():
                found.append(fault)
        return found


def _chosen(fault: Fault, kinds: Set[str]) -> Fault | None:
    """What a random fault does to its next request: a status code or one of the other kinds, at the given rates."""
    value = noise.draw("fault", fault.options["seed"], fault.seen)
    if not fault.strikes():
        return None
    for name, rate in fault.options["rates"].items():
        value -= rate
        if value < 0:
            kind = "rate_limit" if name == "429" else "status" if name.isdigit() else name
            options = OPTIONS.get(kind, {}) | ({"code": int(name)} if kind == "status" else {})
            options |= {key: fault.options[key] for key in options if key in fault.options}
            return Fault(fault.id, kind, options=options) if kind in kinds else None
    return None
