"""The result of a run, derived from its report and the exit codes of its processes.

Log text never decides whether a run succeeded or which step failed. It only explains why: it is shown, and the messages
of PostgreSQL and the system for a full disk or a lost connection determine the reason.
"""

from __future__ import annotations

import json
import re
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tap_oura.catalog.collections import EVERY_COLLECTION
from tap_oura.results import CollectionResult

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SUCCEEDED, PARTIAL, FAILED, INTERRUPTED = OUTCOMES = ("succeeded", "partial", "failed", "interrupted")
"""partial: built from what could be read, while an account or a collection failed."""

SETTINGS, DATABASE, DISK, LOAD, TRANSFORM = "settings", "database", "disk", "load", "transform"
OURA_REASONS = (
    "token", "consent", "refresh", "store", "scope", "membership", "refused", "answer", "server", "rate_limit",
    "unreachable", "error",
)  # fmt: skip
"""Why the tap could not read a collection."""
REASONS = (*OURA_REASONS, SETTINGS, DATABASE, DISK, LOAD, TRANSFORM, INTERRUPTED)

PASSING = {"refresh", "server", "rate_limit", "unreachable", DATABASE, INTERRUPTED}
"""Transient reasons; the others need a person."""
REJECTED = frozenset({"token", "consent", "store"})
"""Reasons for which an account's credentials are no use, until a person changes that."""
OF_ACCOUNT = REJECTED | {"refresh"}
"""Reasons that concern a whole account, whatever was read before it failed."""

TAP, LOADER, DBT, MELTANO = "tap-oura", "target-postgres", "dbt", "meltano"

REMEMBERED_LINES = 40
LONGEST_CAUSE = 300
ADVICE = "Need help fixing this problem?"
"""Meltano's last line, whatever failed."""
EXTRACTORS, LOADERS = "extractors", "loaders"
"""Meltano's kinds of plugin, by which it logs the exit codes of those that failed."""
COMMAND = "InvokerCommand"
"""What Meltano calls a block that is not extract and load: dbt."""

DISK_SIGNS = ("No space left on device", "Disk quota exceeded")
LOCK_TIMEOUT = "canceling statement due to lock timeout"
"""PostgreSQL's message when another session's lock on a table or row lasted too long."""
DATABASE_SIGNS = (
    "OperationalError",
    "connection to server",
    "server closed the connection",
    "terminating connection",
    "lost the lock and may not write",
)
LOST = "the run lost its lock, because its session in PostgreSQL ended; it was stopped, and the next run continues"

UNREPORTED = "the run report is not whole, so nobody knows what failed; is the volume of DATA_DIR full?"

ROWS = re.compile(r"\s*(\b(DETAIL|CONTEXT|STATEMENT):|\[SQL:|\[parameters:).*", re.DOTALL)
"""Where PostgreSQL and SQLAlchemy quote the row of an error: measured values, which no log may contain."""
VALUE = re.compile(r"""(?<=: )".*"$|(?<=\bvalue )".*?"|(?<=\btime zone )".*?\"""", re.MULTILINE)
"""Where PostgreSQL quotes a value in the error itself: `invalid input syntax for type integer: "81.5"`."""
NOT_A_CAUSE = ("LINE ", "^", "compiled code at ")
"""How lines of dbt's message begin that say where in the SQL, not why."""


@dataclass(frozen=True)
class Result:
    """The result of a run. `message` is one line for people, None after a success."""

    outcome: str
    reason: str | None = None
    message: str | None = None
    collections: tuple[CollectionResult, ...] = ()
    nothing_new: bool = False
    """Whether nothing was built, because nothing was new."""

    @property
    def failures(self) -> tuple[CollectionResult, ...]:
        return tuple(each for each in self.collections if each.failed)

    @property
    def causes(self) -> tuple[CollectionResult, ...]:
        """The failures, that of a whole account once."""
        return tuple(_once(self.failures))

    @property
    def may_pass(self) -> bool:
        """Whether the failure is temporary, so that a retry makes sense."""
        reasons = {each.reason for each in self.failures} | {self.reason}
        return self.outcome != SUCCEEDED and bool(reasons & PASSING)

    @property
    def exit_code(self) -> int:
        return 0 if self.outcome == SUCCEEDED else 2 if self.reason == SETTINGS else 1


@dataclass(frozen=True)
class Build:
    """How dbt ended; `exit_code` is None if it reported no end. `failures` are the models and tests, with causes."""

    exit_code: int | None
    failures: tuple[str, ...] = ()
    nothing_new: bool = False


class RunReport:
    """The steps' reports of a run, from all of its processes."""

    def __init__(self) -> None:
        self.collections: list[CollectionResult] = []
        self.settings_problems: list[str] = []
        self.tap_exit_code: int | None = None
        self.build: Build | None = None

    def read(self, file: Path) -> None:
        """Add the lines of a process's report. A killed process may have left none, or half of the last."""
        with suppress(FileNotFoundError), file.open(encoding="utf-8", errors="replace") as lines:
            for text in lines:
                with suppress(ValueError):
                    self._take(json.loads(text))

    def _take(self, line: dict[str, Any]) -> None:
        match line.pop("type"):
            case "collection":
                self.collections.append(CollectionResult(**line))
            case "settings":
                self.settings_problems.append(line["message"])
            case "end":
                self.tap_exit_code = line["exit_code"]
            case "build":
                failures = tuple(_without_rows(failure) for failure in line["failures"])
                self.build = Build(line["exit_code"], tuple(map(_cause, failures)), line["nothing_new"])


class Log:
    """Reads Meltano's structured log, line by line, and keeps each program's last lines for people."""

    def __init__(self) -> None:
        self.blocked: str | None = None
        """Which lock of somebody else held up the run, where that was seen."""
        self.exit_codes: dict[str, int] = {}
        """Of the plugins that failed, by kind."""
        self.failed_block: str | None = None
        """Meltano's type of the block that failed."""
        self._last: dict[str, deque[str]] = {}

    def take(self, line: str) -> dict[str, Any]:
        """Read a line and return its event; a line that is not JSON becomes an event with its text."""
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if not isinstance(event, dict):
            event = {"event": line.rstrip(), "level": "info"}
        event["event"] = text = _without_rows(str(event.get("event", "")))
        if event.get("success") is False:
            self.failed_block = str(event.get("block_type"))
            self.exit_codes |= event.get("exit_codes") or {}
        if event.get("metric_info") is None:
            self._last.setdefault(str(event.get("name", MELTANO)), deque(maxlen=REMEMBERED_LINES)).append(text)
        return event

    def last(self, source: str) -> list[str]:
        """Return a program's last lines, the oldest first, without Meltano's general ones."""
        lines = [line.strip() for text in self._last.get(source, ()) for line in text.splitlines()]
        return [line for line in lines if line and not line.startswith(ADVICE) and not line.endswith("un completed")]


def conclude(report: RunReport, log: Log, exit_code: int, *, stopped: bool = False) -> Result:
    """Return the result of a finished Meltano process, or of one that was `stopped` on request."""
    collections = tuple(report.collections)
    if exit_code != 0:
        return Result(*_broken(report, log, stopped), collections)
    if report.tap_exit_code is None and (report.collections or not report.build):  # A build may go alone.
        return Result(FAILED, DISK, UNREPORTED, collections)
    nothing_new = report.build is not None and report.build.nothing_new
    failures = [each for each in collections if each.failed]
    if not failures:
        return Result(SUCCEEDED, collections=collections, nothing_new=nothing_new)
    outcome = PARTIAL if any(each.status == SUCCEEDED for each in collections) else FAILED
    return Result(outcome, failures[0].reason, _several(failures), collections, nothing_new)


def lost(collections: Iterable[CollectionResult]) -> Result:
    """Return the result of a run that lost its lock, whatever its processes returned."""
    return Result(FAILED, DATABASE, LOST, tuple(collections))


def _broken(report: RunReport, log: Log, stopped: bool) -> tuple[str, str, str]:
    """Return outcome, reason and message: of the step that failed, or of what failed beneath it."""
    if stopped:
        return INTERRUPTED, INTERRUPTED, "stopped on request; the next run continues where this one stopped"
    if report.settings_problems:
        return FAILED, SETTINGS, "; ".join(report.settings_problems)
    if report.build or log.failed_block == COMMAND:
        words = [*log.last(MELTANO), *log.last(DBT), *(report.build.failures if report.build else ())]
        step = (TRANSFORM, _first(report.build) or _final(log, DBT, "dbt build failed"))
    elif LOADERS in log.exit_codes:  # A tap whose loader is gone fails too.
        words = [*log.last(MELTANO), *log.last(LOADER)]
        step = (LOAD, _final(log, LOADER, "the loader failed"))
    elif EXTRACTORS in log.exit_codes:
        if failures := [each for each in report.collections if each.failed]:
            return FAILED, failures[0].reason or "error", _several(failures)
        words = [*log.last(MELTANO), *log.last(TAP)]
        step = ("error", _final(log, TAP, "the tap failed"))
    else:
        words = log.last(MELTANO)
        step = (LOAD, _final(log, MELTANO, "Meltano failed"))
    return FAILED, *(_beneath(words, log.blocked or _first(report.build)) or step)


def _beneath(words: list[str], blocked: str | None) -> tuple[str, str] | None:
    """Return reason and message where a step failed because of the disk or the database beneath it."""
    if full := _telling(words, DISK_SIGNS):
        return DISK, full
    if waited := _telling(words, (LOCK_TIMEOUT,)):
        return DATABASE, f"a lock lasted too long: {blocked or waited}"
    gone = _telling(words, DATABASE_SIGNS)
    return (DATABASE, gone) if gone else None


def _once(failures: Iterable[CollectionResult]) -> Iterable[CollectionResult]:
    found: dict[tuple[str, str], CollectionResult] = {}
    for each in failures:
        collection = EVERY_COLLECTION if each.reason in OF_ACCOUNT else each.collection
        found.setdefault((each.user_id, collection), replace(each, collection=collection))
    return found.values()


def _several(results: list[CollectionResult]) -> str:
    failures = list(_once(results))
    return str(failures[0]) + (f" (and {len(failures) - 1} more)" if len(failures) > 1 else "")


def _telling(words: list[str], signs: tuple[str, ...]) -> str | None:
    """Return the last line with one of the signs, cut to a readable length."""
    return next((line[:300] for line in reversed(words) if any(sign in line for sign in signs)), None)


def _first(build: Build | None) -> str | None:
    if not build or not build.failures:
        return None
    more = f" (and {len(build.failures) - 1} more)" if len(build.failures) > 1 else ""
    return f"{build.failures[0]}{more}"


def _final(log: Log, source: str, otherwise: str) -> str:
    lines = log.last(source)
    return f"{otherwise}: {lines[-1][:300]}" if lines else otherwise


def _cause(failure: str) -> str:
    """Return one line: the model or test, and PostgreSQL's or dbt's own words on why it failed."""
    lines = [line.strip() for line in _without_rows(failure).splitlines()]
    node, _, head = lines[0].partition(": ")
    # What dbt writes above PostgreSQL's words repeats the model.
    why = [line for line in lines[1:] if line and not line.startswith(NOT_A_CAUSE)]
    words = why if why and head.startswith("Database Error") else [head, *why]
    return f"{node}: {' '.join(words)}"[:LONGEST_CAUSE]


def _without_rows(text: str) -> str:
    return VALUE.sub('"…"', ROWS.sub("", text))
