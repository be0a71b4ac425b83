"""One Meltano process: started, listened to, and stopped so that nothing is half done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from oura_collector.outcome import DBT, LOADER, TAP
from oura_collector.settings import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROGRAMS = {TAP: TAP, LOADER: LOADER, DBT: DBT, "build.py": DBT}
"""Which plugin is at work, by the program that is."""

LOOK_AGAIN = 0.2
"""Seconds between two looks at a process that is stopping."""


def program() -> str:
    return str(Path(sys.executable).with_name("meltano"))


def own_folder(data_dir: Path, name: str) -> Path:
    """Return a system folder for Meltano with the project's plugins and nothing else of it.

    Runs of one project hand the state to the tap in a file of the same name: side by side they would mix them up.
    """
    folder = data_dir.absolute() / "meltano" / name
    folder.mkdir(parents=True, exist_ok=True)
    for plugins in ("extractors", "loaders", "utilities"):
        with suppress(FileExistsError):
            (folder / plugins).symlink_to(PROJECT / ".meltano" / plugins)
    return folder


def forget_catalogs(data_dir: Path) -> None:
    """Have Meltano ask the tap anew what it can read.

    It keeps the answer while the tap's settings stay the same, and would leave out what a new version reads.
    """
    for system, pattern in ((PROJECT / ".meltano", "run"), (data_dir.absolute() / "meltano", "*/run")):
        for key in system.glob(f"{pattern}/{TAP}/tap.properties.cache_key"):
            key.unlink(missing_ok=True)


class Meltano:
    """Runs Meltano with a structured log.

    It gets a session of its own: a signal to our process group must not reach the loader, which, told to terminate
    inside a batch, acknowledges state for rows that it has not committed. Who stops a run stops the tap; the loader
    then sees the end of its input, commits and acknowledges as always.
    """

    def __init__(self, arguments: list[str], environment: Mapping[str, str], *, lock: int) -> None:
        self.stopped = False
        self._ended = threading.Event()
        self._process = subprocess.Popen(
            [program(), "--log-format", "json", *arguments],
            cwd=PROJECT,
            env={**os.environ, "NO_COLOR": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=[lock],
            text=True,
            errors="replace",
        )

    def lines(self) -> Iterator[str]:
        """Yield what it says until it ends."""
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            yield from stream

    def wait(self) -> int:
        code = self._process.wait()
        self._ended.set()
        return code

    def stop(self, seconds: float) -> None:
        """End it at a safe point, by force after so many seconds. Returns at once."""
        if not self.stopped:
            self.stopped = True
            threading.Thread(target=self._stop, args=[time.monotonic() + seconds], daemon=True).start()

    def _stop(self, deadline: float) -> None:
        told: set[int] = set()
        while not self._ended.wait(LOOK_AGAIN):
            plugins = self._plugins()
            if time.monotonic() > deadline or not plugins:
                # What is not committed is rolled back, and the bookmark stands before it.
                self._kill()
                return
            for pid in plugins.get(TAP, set()) - told:
                told.add(pid)
                with _gone_is_fine():
                    os.kill(pid, signal.SIGTERM)

    def _plugins(self) -> dict[str, set[int]]:
        """The extractor, loader and dbt processes that are at work."""
        found: dict[str, set[int]] = {}
        with _gone_is_fine():
            for child in psutil.Process(self._process.pid).children():
                with _gone_is_fine():
                    for name in {Path(part).name for part in child.cmdline()[:2]} & PROGRAMS.keys():
                        found.setdefault(PROGRAMS[name], set()).add(child.pid)
        return found

    def _kill(self) -> None:
        with _gone_is_fine():
            os.killpg(self._process.pid, signal.SIGKILL)


class _gone_is_fine:  # noqa: N801
    """A process may end while it is looked at."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is not None and issubclass(kind, (ProcessLookupError, psutil.Error))
