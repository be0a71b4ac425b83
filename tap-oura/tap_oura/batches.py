"""Samples as files, which a loader takes in whole: Singer's BATCH, where `batch_config` is set."""

from __future__ import annotations

import gzip
import logging
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
from tap_oura.messages import MessageStream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from singer_sdk.helpers._batch import BaseBatchFileEncoding

logger = logging.getLogger(__name__)

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


class BatchStream(MessageStream):
    """Gathers records for files where `batches` are set; a state never goes ahead of the records that it tells of."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._gathered: list[Stretch] = []

    @property
    def batches(self) -> Batches | None:
        return None

    def send(self, records: list[Record]) -> Sequence[Record]:
        """Return the records to send as messages: none where they are gathered for a file."""
        if self.batches is None or self._read_at is None:
            return records
        self._gathered.append((self._read_at, records))
        if sum(len(each) for _, each in self._gathered) >= self.batches.size:
            self._hand_over()
        return ()

    def _hand_over(self) -> None:
        """Send the samples that were gathered, of whatever accounts: as files or, where they are few, as messages."""
        gathered, self._gathered = self._gathered, []
        if self.batches and sum(len(records) for _, records in gathered) >= WORTH_A_FILE:
            try:
                files = list(self.batches.write(self.name, gathered))
            except OSError as error:
                logger.warning("batch_config: %s; samples go as messages", error)
            else:
                for file in files:
                    self._write_batch_message(self.batches.encoding, [file])
                return
        for self._read_at, records in gathered:
            for record in records:
                self._write_record_message(record)

    def _write_state_message(self) -> None:
        self._hand_over()  # Before a state tells of them.
        super()._write_state_message()


def _tidy(folder: Path) -> None:
    with suppress(OSError):  # Said when something is written there.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in folder.glob("*.jsonl*"):
            if file.stat().st_mtime < time.time() - ABANDONED_SECONDS:
                file.unlink()
