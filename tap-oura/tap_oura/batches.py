"""Samples as files, which a loader takes in whole: Singer's BATCH, where `batch_config` is set."""

from __future__ import annotations

import gzip
import time
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import msgspec
from singer_sdk.helpers._batch import BatchConfig

from tap_oura.catalog.fields import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from singer_sdk.helpers._batch import BaseBatchFileEncoding

Stretch = tuple[datetime, list[Record]]
"""Samples in a row, and when they were read."""

WORTH_A_FILE = 1_000
"""Fewer records are cheaper as messages."""

ABANDONED_SECONDS = 3600
"""By then a loader has long read its file, or is gone."""


class Batches:
    """Writes records as JSON lines. Loaders leave the files behind: a later run removes those in a local folder, where
    nobody else does.

    Loaders take the lines as they are and add nothing to them, so each tells when it was read and sent itself.
    """

    def __init__(self, config: BatchConfig) -> None:
        self._config = config
        root = urlsplit(config.storage.root)
        if root.scheme == "file":
            _tidy(Path(unquote(root.path)))

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Batches | None:
        given = settings.get("batch_config")
        return cls(BatchConfig.from_dict(dict(given))) if given else None

    @property
    def encoding(self) -> BaseBatchFileEncoding:
        return self._config.encoding

    @property
    def size(self) -> int:
        """Samples in a file, at most."""
        return self._config.batch_size

    def write(self, stream: str, stretches: Sequence[Stretch]) -> Iterator[str]:
        """Yield the URL of each file that is written. Raises OSError."""
        now = datetime.now(UTC).isoformat()
        lines = (
            {**record, "_sdc_extracted_at": read_at, "_sdc_received_at": now, "_sdc_batched_at": now}
            for read_at, records in ((read_at.isoformat(), records) for read_at, records in stretches)
            for record in records
        )
        encoder = msgspec.json.Encoder()
        suffix = ".gz" if self.encoding.compression == "gzip" else ""
        while part := list(islice(lines, self.size)):
            content = encoder.encode_lines(part)
            if suffix:
                content = gzip.compress(content, compresslevel=1)
            storage = self._config.storage
            name = f"{storage.prefix or ''}{stream}-{uuid4()}.jsonl{suffix}"
            with storage.open(name, "wb") as file:
                file.write(content)
            yield storage.get_url(name)


def _tidy(folder: Path) -> None:
    with suppress(OSError):  # Said when something is written there.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in folder.glob("*.jsonl*"):
            if file.stat().st_mtime < time.time() - ABANDONED_SECONDS:
                file.unlink()
