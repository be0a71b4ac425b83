"""The files by which the tap hands samples to the loader: in a folder of the run's own, gone when it is over."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from oura_collector.files import private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PREFIX = "batches-"

MOST_SAMPLES = 20_000
"""Samples in one file. The loader holds a file in memory; fewer cost it more statements."""


@contextmanager
def folder(place: Path) -> Iterator[dict[str, str]]:
    """Yield the tap's setting for a folder in `place` that lasts as long as the run."""
    private_folder(place)
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=place.absolute(), ignore_cleanup_errors=True) as name:
        encoding = {"format": "jsonl", "compression": "none"}
        given = {"encoding": encoding, "storage": {"root": f"file://{name}"}, "batch_size": MOST_SAMPLES}
        yield {"TAP_OURA_BATCH_CONFIG": json.dumps(given)}


def remove(place: Path, *, older_than: float | None = None) -> None:
    """Remove the folders in `place` that killed runs left, all of them or those not written to for so many seconds."""
    for left in place.glob(f"{PREFIX}*"):
        if older_than is None or left.stat().st_mtime <= time.time() - older_than:
            shutil.rmtree(left, ignore_errors=True)
