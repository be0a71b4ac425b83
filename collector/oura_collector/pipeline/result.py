"""What a run came to, judged by the words of its own log: pure, so that every verdict can be tested as text."""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from oura_collector.collections import EVERY_COLLECTION

if TYPE_CHECKING:
    from collections.abc import Iterable

SUCCEEDED, PARTIAL, FAILED, INTERRUPTED = OUTCOMES = ("succeeded", "partial", "failed", "interrupted")
"""partial: built from what could be read, while an account or a collection could not be."""

SETTINGS, DATABASE, DISK, LOAD, TRANSFORM = "settings", "database", "disk", "load", "transform"
OURA_REASONS = (
    "token", "consent", "refresh", "store", "scope", "membership", "refused", "answer", "server", "rate_limit",
    "unreachable", "error",
)  # fmt: skip
"""Why the tap could not read something."""
REASONS = (*OURA_REASONS, SETTINGS, DATABASE, DISK, LOAD, TRANSFORM, INTERRUPTED)

PASSING = {"refresh", "server", "rate_limit", "unreachable", DATABASE, INTERRUPTED}
"""Reasons that may be gone in a minute; the others need a person."""

TAP, LOADER, DBT = "tap-oura", "target-postgres", "dbt"
NOTHING_NEW = "Nothing new since"
"""How `transform/build.py` begins to say that dbt is skipped."""

REMEMBERED_LINES = 40
ADVICE = "Need help fixing this problem?"
"""Meltano's last words whatever went wrong."""
DISK_SIGNS = ("No space left on device", "Disk quota exceeded")
LOCK_TIMEOUT = "canceling statement due to lock timeout"
"""How PostgreSQL says that somebody else's lock on a table or row lasted too long."""
DATABASE_SIGNS = (
    "OperationalError",
    "connection to server",
    "server closed the connection",
    "terminating connection",
    "lost the lock and may not write",
    LOCK_TIMEOUT,
)
LOST = "the run lost its lock, because its session in PostgreSQL ended; it was stopped, and the next one goes on"

ROWS = re.compile(r"\s*(\b(DETAIL|CONTEXT|STATEMENT):|\[SQL:|\[parameters:).*", re.DOTALL)
"""From where PostgreSQL and SQLAlchemy quote the row that they stumbled over: measured values, not for a log."""


@dataclass(frozen=True)
class Reading:
    """What one collection of one account gave: `requests` by status, `records` read, `newest_day` as text."""

    user_id: str
    collection: str
    status: str
    reason: str | None = None
    message: str | None = None
    requests: dict[str, int] = field(default_factory=dict)
    records: int = 0
    newest_day: str | None = None
    rate_limit_remaining: int | None = None
    unknown_fields: int = 0

    @property
    def failed(self) -> bool:
        return self.status == "failed"

    def __str__(self) -> str:
        what = "everything" if self.collection == EVERY_COLLECTION else self.collection
        return f"{what} of {self.user_id}: {self.message}"


@dataclass(frozen=True)
class Result:
    """The verdict on a run. `message` is one line for people, None where all went well."""

    outcome: str
    reason: str | None = None
    message: str | None = None
    readings: tuple[Reading, ...] = ()
    nothing_new: bool = False
    """Whether nothing was built, because nothing was new."""

    @property
    def failures(self) -> tuple[Reading, ...]:
        return tuple(reading for reading in self.readings if reading.failed)

    @property
    def may_pass(self) -> bool:
        """Whether trying again soon makes sense."""
        reasons = {reading.reason for reading in self.failures} | {self.reason}
        return self.outcome != SUCCEEDED and bool(reasons & PASSING)

    @property
    def exit_code(self) -> int:
        return 0 if self.outcome == SUCCEEDED else 2 if self.reason == SETTINGS else 1


class Log:
    """Takes in Meltano's structured log, line by line, and keeps what a verdict needs."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.settings_problems: list[str] = []
        self.failed_block: str | None = None
        self.blocked: str | None = None
        """Which lock of somebody else held up the run, where that was seen."""
        self._last: dict[str, deque[str]] = {}

    def take(self, line: str) -> dict[str, Any]:
        """Note a line and return it as an event; what is no JSON becomes an event of its own."""
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if not isinstance(event, dict):
            event = {"event": line.rstrip(), "level": "info"}
        event["event"] = text = ROWS.sub("", str(event.get("event", "")))
        source = str(event.get("name", "meltano"))
        if (metric := event.get("metric_info")) is not None:
            if metric.get("metric") == "collection_read":
                self.readings.append(_reading(metric))
            return event
        if source == TAP and text.startswith(f"{TAP}: "):
            self.settings_problems.append(text.removeprefix(f"{TAP}: "))
        if text == "Block run completed" and not event.get("success"):
            self.failed_block = str(event.get("err"))
        self._last.setdefault(source, deque(maxlen=REMEMBERED_LINES)).append(text)
        return event

    def last(self, source: str) -> list[str]:
        return list(self._last.get(source, ()))

    @property
    def nothing_new(self) -> bool:
        return any(line.startswith(NOTHING_NEW) for line in self.last(DBT))

    def everything(self) -> str:
        return "\n".join(line for lines in self._last.values() for line in lines)


def conclude(log: Log, exit_code: int, *, stopped: bool = False) -> Result:
    """Return the verdict on a finished Meltano process."""
    readings = tuple(log.readings)
    if exit_code != 0:
        return Result(*_broken(log, stopped), readings)
    failures = [reading for reading in readings if reading.failed]
    if not failures:
        return Result(SUCCEEDED, readings=readings, nothing_new=log.nothing_new)
    outcome = PARTIAL if any(reading.status == SUCCEEDED for reading in readings) else FAILED
    return Result(outcome, failures[0].reason, _several(failures), readings, log.nothing_new)


def lost(readings: Iterable[Reading]) -> Result:
    """Return the verdict on a run that lost its lock, whatever its processes came to."""
    return Result(FAILED, DATABASE, LOST, tuple(readings))


def _broken(log: Log, stopped: bool) -> tuple[str, str, str]:
    failures = [reading for reading in log.readings if reading.failed]
    if stopped:
        return INTERRUPTED, INTERRUPTED, "stopped on request; the next run goes on where this one was"
    if log.settings_problems:
        return FAILED, SETTINGS, "; ".join(log.settings_problems)
    if full := _telling(log, DISK_SIGNS):
        return FAILED, DISK, full
    if LOCK_TIMEOUT in log.everything():
        what = log.blocked or _telling(log, ("Database Error in",)) or "whose, is not known"
        return FAILED, DATABASE, f"a lock lasted too long: {what}"
    if any(sign in log.everything() for sign in DATABASE_SIGNS):
        return FAILED, DATABASE, _telling(log, DATABASE_SIGNS) or "PostgreSQL went away during the run"
    if log.failed_block == "Extractor failed":
        if failures:
            return FAILED, failures[0].reason or "error", _several(failures)
        return FAILED, "error", _final(log, TAP, "the tap failed")
    if log.failed_block and "oader failed" in log.failed_block:
        return FAILED, LOAD, _final(log, LOADER, "the loader failed")
    if log.last(DBT):
        return FAILED, TRANSFORM, _telling(log, ("Failure in", "Database Error in", "Error in")) or "dbt build failed"
    return FAILED, LOAD, _final(log, "meltano", "Meltano failed")


def _several(failures: list[Reading]) -> str:
    return str(failures[0]) + (f" (and {len(failures) - 1} more)" if len(failures) > 1 else "")


def _telling(log: Log, signs: tuple[str, ...]) -> str | None:
    """The last remembered line with one of the signs, cut to a readable length."""
    lines = [line.strip() for line in log.everything().splitlines()]
    return next((line[:300] for line in reversed(lines) if any(sign in line for sign in signs)), None)


def _final(log: Log, source: str, otherwise: str) -> str:
    said = [line.strip() for line in log.last(source) if line.strip()]
    lines = [line for line in said if not line.endswith("un completed") and not line.startswith(ADVICE)]
    return f"{otherwise}: {lines[-1][:300]}" if lines else otherwise


def _reading(metric: dict[str, Any]) -> Reading:
    tags = metric["tags"]
    return Reading(
        user_id=tags["context"]["user_id"],
        collection=tags["stream"],
        status=tags["status"],
        reason=tags["reason"],
        message=tags["message"],
        requests=tags["requests"],
        records=metric["value"],
        newest_day=tags["newest_day"],
        rate_limit_remaining=tags["rate_limit_remaining"],
        unknown_fields=tags["unknown_fields"],
    )
