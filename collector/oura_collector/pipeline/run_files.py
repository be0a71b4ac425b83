"""The files of one Meltano process: samples on their way to the loader, and the run report.

They are in the run's own folder, which is removed when it ends.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from oura_collector.files import private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "batches-"

MOST_SAMPLES = 20_000
"""Samples in one file. The loader holds a file in memory; fewer cost it more statements."""


@dataclass(frozen=True)
class RunFiles:
    """The folder, and the variables by which the tap and the build find their files in it."""

    folder: Path

    @property
    def report(self) -> Path:
        """Lines of JSON: from the tap's `report_path`, and from the build's OURA_BUILD_REPORT."""
        return self.folder / "run-report"

    @property
    def variables(self) -> dict[str, str]:
        encoding = {"format": "jsonl", "compression": "none"}
        batches = {"encoding": encoding, "storage": {"root": f"file://{self.folder}"}, "batch_size": MOST_SAMPLES}
        return {
            "TAP_OURA_BATCH_CONFIG": json.dumps(batches),
            "TAP_OURA_REPORT_PATH": str(self.report),
            "OURA_BUILD_REPORT": str(self.report),
        }


@contextmanager
def run_files(parent: Path) -> Iterator[RunFiles]:
    """Yield the files of a process, in a new folder in `parent` that is removed at the end."""
    private_folder(parent)
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=parent.absolute(), ignore_cleanup_errors=True) as name:
        yield RunFiles(Path(name))


def remove(parent: Path, *, older_than: float | None = None) -> None:
    """Remove the folders in `parent` that killed runs left: all, or those unchanged for `older_than` seconds."""
    for left in parent.glob(f"{PREFIX}*"):
        if older_than is None or left.stat().st_mtime <= time.time() - older_than:
            shutil.rmtree(left, ignore_errors=True)
