"""One Meltano process: started, read, and stopped at a safe point."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from oura_collector.files import UMASK, private_folder
from oura_collector.pipeline import run_files
from oura_collector.pipeline.result import DBT, LOADER, TAP
from oura_collector.settings import PROJECT, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROGRAMS = {TAP: TAP, LOADER: LOADER, DBT: DBT, "build.py": DBT}
"""Which plugin is at work, by the program that is."""

LOOK_AGAIN = 0.2
"""Seconds between two looks at a process that is stopping."""


def program() -> str:
    return str(Path(sys.executable).with_name("meltano"))


def own_folder(data_dir: Path, name: str) -> Path:
    """Return a system folder for Meltano with the project's plugins and nothing else of it. Raises SettingsError.

    Runs of one project hand the state to the tap in a file of the same name: side by side they would mix them up.
    """
    folder = data_dir.absolute() / "meltano" / name
    try:
        private_folder(folder)
        for plugins in ("extractors", "loaders", "utilities"):
            link, target = folder / plugins, system_folder() / plugins
            if not link.is_symlink() or link.readlink() != target:  # The project may have moved since.
                link.unlink(missing_ok=True)
                with suppress(FileExistsError):
                    link.symlink_to(target)
    except OSError as error:
        raise SettingsError(f"DATA_DIR: {error.strerror}: {error.filename}") from None
    return folder


def system_folder() -> Path:
    """Return the folder in which Meltano installed the plugins, and which a plain `meltano` uses."""
    return Path(os.environ.get("MELTANO_SYS_DIR_ROOT") or PROJECT / ".meltano").absolute()


PASSWORD = re.compile(r"://[^/@\s\"]*:[^/@\s\"]+@")
MINUTE = 60.0
DAY = 86_400.0

STATE = "state"
"""Below a system folder: where Meltano's log of each run is."""
DAYS_OF_LOGS = 30


def remove_leftovers(folder: Path, data_dir: Path) -> None:
    """Remove what killed runs left in a run's own folder. For whoever holds the lock: nobody else is at work there.

    Older versions left passwords, and samples, in folders of all databases, where another run may be at work.
    """
    run_files.remove(folder)
    run_files.remove(data_dir, older_than=DAY)
    for file in folder.glob("run/*/*.config.json"):
        file.unlink(missing_ok=True)
    for file in folder.glob(f"{STATE}/meltano/log/elt/*/*/elt.log"):
        if file.stat().st_mtime < time.time() - DAYS_OF_LOGS * DAY:
            file.unlink()
            with suppress(OSError):
                file.parent.rmdir()
    for file in system_folder().glob("run/*/*.config.json"):
        with suppress(OSError):
            if file.stat().st_mtime < time.time() - MINUTE and PASSWORD.search(file.read_text(errors="replace")):
                file.unlink()


def forget_catalogs(data_dir: Path) -> None:
    """Have Meltano ask the tap anew what it can read.

    It keeps the answer while the tap's settings stay the same, and would leave out what a new version reads.
    """
    for system, pattern in ((system_folder(), "run"), (data_dir.absolute() / "meltano", "*/run")):
        for key in system.glob(f"{pattern}/{TAP}/tap.properties.cache_key"):
            key.unlink(missing_ok=True)


class Meltano:
    """Runs Meltano with a structured log.

    It gets a session of its own: a signal to our process group must not reach the loader, which on SIGTERM inside
    a batch acknowledges state for rows that it has not committed. A run is stopped by stopping the tap; the loader then
    reaches the end of its input, commits and acknowledges as always.
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
            umask=UMASK,
            text=True,
            errors="replace",
        )

    def lines(self) -> Iterator[str]:
        """Yield the lines of its log until it ends."""
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
        signalled: set[int] = set()
        while not self._ended.wait(LOOK_AGAIN):
            plugins = self._plugins()
            if time.monotonic() > deadline or not plugins:
                # What is not committed is rolled back, and the bookmark stands before it.
                self._kill()
                return
            for pid in plugins.get(TAP, set()) - signalled:
                signalled.add(pid)
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


def kill(pid: int) -> None:
    """Kill a process and all that it started, at once."""
    with _gone_is_fine():
        process = psutil.Process(pid)
        for each in [process, *process.children(recursive=True)]:
            with _gone_is_fine():
                each.kill()


class _gone_is_fine:  # noqa: N801
    """A process may end while it is looked at."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is not None and issubclass(kind, (ProcessLookupError, psutil.Error))
