"""Runs pipes of commands and measures them: wall time, and the peak of the memory of all their processes."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil
from oura_collector.settings import PROJECT

from tests.collector_process import MIB, memory, until

INTERVAL = 0.25
"""Seconds between two looks at the memory. Each look costs the measured processes a little of a core."""


class Failed(Exception):
    """A command ended with another code than 0; says which, and the end of its log."""


@dataclass(frozen=True)
class Pipe:
    """Commands joined by pipes. `source` feeds the first, `sink` takes the standard output of the last."""

    commands: Sequence[Sequence[str]]
    variables: Mapping[str, str] = field(default_factory=dict)
    source: Path | None = None
    sink: Path | None = None


@dataclass(frozen=True)
class Measured:
    """`peak` is the sum of PSS of all processes, in MiB; `processor` their time on a processor, in seconds."""

    seconds: float
    processor: float
    peak: float


@dataclass
class Meter:
    """Keeps the peak of some processes and all that they started, in bytes."""

    pids: list[int] = field(default_factory=list)
    peak: int = 0

    def look(self) -> None:
        found = 0
        for pid in self.pids:
            # Reading a process that is just ending may raise any of these.
            with suppress(psutil.Error, OSError):
                found += memory(pid)[1]
        self.peak = max(self.peak, found)

    def watch(self, done: Callable[[], bool], what: str) -> float:
        """Look until it is done. Returns the peak since the start of this call, in MiB."""
        self.peak = 0

        def seen() -> bool:
            self.look()
            return done()

        until(seen, what, seconds=1800)
        return self.peak / MIB


def run(pipes: Sequence[Pipe], folder: Path) -> Measured:
    """Run pipes one after another. Raises Failed. What they log lands in `folder`."""
    meter = Meter()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(INTERVAL):
            meter.look()

    watcher = threading.Thread(target=watch, daemon=True)
    before = _processor()
    started = time.perf_counter()
    watcher.start()
    try:
        for number, pipe in enumerate(pipes):
            _run(pipe, meter, folder / f"{number}")
        seconds = time.perf_counter() - started
    finally:
        over.set()
        watcher.join()
    return Measured(seconds, _processor() - before, meter.peak / MIB)


def _processor() -> float:
    """Processor time of the children that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _run(pipe: Pipe, meter: Meter, path: Path) -> None:
    log = path.with_suffix(".log")
    with ExitStack() as files:
        errors = files.enter_context(log.open("wb"))
        feed: IO[bytes] | int = files.enter_context(pipe.source.open("rb")) if pipe.source else subprocess.DEVNULL
        sink = files.enter_context(pipe.sink.open("wb")) if pipe.sink else errors
        processes: list[subprocess.Popen[bytes]] = []
        for number, command in enumerate(pipe.commands, 1):
            process = subprocess.Popen(
                command,
                cwd=PROJECT,
                env={**outside(), **pipe.variables},
                stdin=feed,
                stdout=sink if number == len(pipe.commands) else subprocess.PIPE,
                stderr=errors,
            )
            if processes and processes[-1].stdout:
                # The next one holds it: whoever writes must notice when that one ends.
                processes[-1].stdout.close()
            feed = process.stdout or subprocess.DEVNULL
            processes.append(process)
        meter.pids = [process.pid for process in processes]
        try:
            codes = [process.wait() for process in processes]
        finally:
            for process in processes:
                process.kill()
    if any(codes):
        last = "\n".join(log.read_text(errors="replace").splitlines()[-25:])
        raise Failed(f"{' | '.join(Path(command[0]).name for command in pipe.commands)} ended with {codes}\n{last}")


def outside() -> dict[str, str]:
    """The environment without what would steer the measured programs, or slow them down."""
    python = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
    steering = ("TAP_", "TARGET_", "MELTANO", "DBT_", "DATABASE_", "OURA_", "PG", *python)
    return {name: value for name, value in os.environ.items() if not name.startswith(steering)} | {"NO_COLOR": "1"}
