"""Local files and folders that nobody but their owner reads."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

UMASK = 0o077
"""Of every process that takes part in a run."""


def private_folder(folder: Path) -> Path:
    """Make a folder, and those above it that are missing, for the owner alone. One that is there stays as it is."""
    for each in (*reversed(folder.parents), folder):
        with suppress(FileExistsError):
            each.mkdir(mode=0o700)
    return folder


def replace(file: Path, text: str) -> None:
    """Write a file in one step. A new one is the owner's alone; one that is there keeps owner and mode."""
    file = file.resolve()  # What a link points to is meant, not the link.
    descriptor, name = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text)
        if file.exists():
            before = file.stat()
            with suppress(PermissionError):
                os.chown(draft, before.st_uid, before.st_gid)
            draft.chmod(before.st_mode & 0o777)
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
