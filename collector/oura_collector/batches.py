"""The files by which the tap hands samples to the loader: in a folder of the run's own, gone when it is over."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PREFIX = "batches-"
ABANDONED_SECONDS = 86_400
"""No run takes as long: whoever made such a folder was killed."""

MOST_SAMPLES = 20_000
"""Samples in one file. The loader holds a file in memory; fewer cost it more statements."""


@contextmanager
def folder(data_dir: Path) -> Iterator[dict[str, str]]:
    """Yield the tap's setting for a folder that lasts as long as the run."""
    for left in data_dir.glob(f"{PREFIX}*"):
        if left.stat().st_mtime < time.time() - ABANDONED_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=data_dir.absolute(), ignore_cleanup_errors=True) as name:
        encoding = {"format": "jsonl", "compression": "none"}
        given = {"encoding": encoding, "storage": {"root": f"file://{name}"}, "batch_size": MOST_SAMPLES}
        yield {"TAP_OURA_BATCH_CONFIG": json.dumps(given)}
