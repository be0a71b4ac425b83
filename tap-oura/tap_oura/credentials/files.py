"""The default vault: a folder with one file per account, for its owner's eyes only.

A write is `name.json.new` first, brought to the disk, then renamed. What a process left behind as `.new` when it was
killed in between was decided already, so the next one completes the rename; half a file is dropped.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from filelock import FileLock, Timeout

from tap_oura.credentials.record import from_json
from tap_oura.credentials.vault import StoreFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_oura.credentials.record import Record

LONGEST_WAIT = 600
"""Seconds. Longer than any refresh takes that another process may be at."""


class Files:
    """A vault in a folder, created at the first write. The lock of an entry ends with the process that holds it."""

    exclusive = True

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).expanduser()

    def users(self) -> list[str]:
        with _told(f"token_store: cannot list {self.folder}"):
            return sorted(unquote(path.stem) for path in self.folder.glob("*.json"))

    def read(self, user: str) -> Record | None:
        return _load(self._path(user))

    @contextmanager
    def open(self, user: str) -> Iterator[FileEntry]:
        path = self._path(user)
        with _told(f"token_store: cannot use {self.folder}"):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(path.with_suffix(".lock"), timeout=LONGEST_WAIT, mode=0o600)
        try:
            with _told(f"token_store: cannot lock {path}"):
                lock.acquire()
        except Timeout:
            raise StoreFailed(f"token_store: another process keeps {path} locked; is it stuck?") from None
        try:
            yield FileEntry(path)
        finally:
            lock.release()

    def _path(self, user: str) -> Path:
        # A name may hold any character; a file's name may not, and must not lead out of the folder.
        return self.folder / f"{quote(user, safe=' @+,')}.json"


class FileEntry:
    """One account's file, while its lock is held."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._new = path.with_suffix(".json.new")
        self._complete()
        self.record = _load(path)

    def write(self, record: Record) -> None:
        with _told(f"token_store: cannot write {self._path}"):
            self._put_down(json.dumps(record.to_json(), indent=1))
            self._move()
        self.record = record

    def remove(self) -> None:
        with _told(f"token_store: cannot remove {self._path}"):
            # The lock's file bears the name too. Who waits for it finds the file gone, and looks again.
            for path in (self._path, self._path.with_suffix(".lock")):
                path.unlink(missing_ok=True)
            self._settle_folder()
        self.record = None

    def _put_down(self, text: str) -> None:
        descriptor = os.open(self._new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def _move(self) -> None:
        self._new.replace(self._path)
        self._settle_folder()

    def _settle_folder(self) -> None:
        # Without this the rename itself may be lost when the machine loses power.
        descriptor = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _complete(self) -> None:
        """Finish a write that was cut short, unless it was a mere note: that never came into force."""
        with _told(f"token_store: cannot complete {self._new}"):
            if not self._new.exists():
                return
            try:
                drafted = from_json(json.loads(self._new.read_text()))
                is_note = drafted.sent is not None and drafted.answer is None
            except (ValueError, AttributeError):
                is_note = True
            if is_note:
                self._new.unlink()
            else:
                self._move()


def _load(path: Path) -> Record | None:
    with _told(f"token_store: cannot read {path}"):
        try:
            stored = json.loads(path.read_text())
            if not isinstance(stored, dict):
                raise ValueError("it must be a JSON object")
            return from_json(stored)
        except FileNotFoundError:
            return None
        except ValueError as error:
            # The parser's own message would quote the text around the fault.
            why = "it is not JSON" if isinstance(error, json.JSONDecodeError | UnicodeDecodeError) else error
            raise StoreFailed(f"token_store: cannot use {path}: {why}; repair or remove it") from None


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreFailed(f"{what}: {error.strerror or type(error).__name__}") from None
