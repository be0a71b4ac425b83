"""Writes Singer messages: encoded by msgspec, flushed when somebody may act on them, and few states."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk import Stream
from singer_sdk.contrib.msgspec import MsgSpecWriter, serialize_jsonl
from singer_sdk.helpers._state import StateWriter
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib import RecordMessage, StateMessage

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from singer_sdk.singerlib.encoding.base import GenericSingerWriter
    from singer_sdk.singerlib.messages import Message


STATE_SHARE = 4
"""So many bytes of other messages go before each byte of state."""


class Writer(MsgSpecWriter):
    """Flushing each record would cost as much as making it; a state or a schema takes the records before it along."""

    def __init__(self) -> None:
        super().__init__()
        self._state_bytes = self._bytes_since_state = 0

    @property
    def wants_state(self) -> bool:
        """Return whether enough was sent since the last state.

        A state holds all accounts: one for every so many records, as the SDK sends them, would make the work grow with
        the square of the accounts.
        """
        return self._bytes_since_state >= STATE_SHARE * self._state_bytes

    def serialize_message(self, message: Message) -> bytearray:
        if isinstance(message, StateMessage):  # The SDK would copy all of it, value by value.
            return serialize_jsonl({"type": "STATE", "value": message.value})
        return super().serialize_message(message)

    def write_message(self, message: Message) -> None:
        line = self.format_message(message)
        sys.stdout.buffer.write(line)
        if isinstance(message, StateMessage):
            self._state_bytes, self._bytes_since_state = len(line), 0
        else:
            self._bytes_since_state += len(line)
        if not isinstance(message, RecordMessage):
            sys.stdout.buffer.flush()


class FrugalStateWriter(StateWriter):
    """Writes a state unless it is the last one again. The SDK keeps a copy to compare it with; here a digest does."""

    def __init__(self, message_writer: GenericSingerWriter[Any, Any]) -> None:
        super().__init__(message_writer)
        self._last = b""

    def write_state(self, state: Any) -> None:
        digest = blake2b(msgspec.json.encode(state, order="deterministic")).digest()
        if digest != self._last:
            self._message_writer.write_message(StateMessage(value=state))
            self._last = digest


class MessageStream(Stream):
    """Sends messages. Where `batch_config` is set, the SDK would send all as files and leave out what loaders add."""

    _read_at: datetime | None = None
    """When the records that are being sent were read; none for what this run says of itself."""

    def get_batch_config(self, config: Mapping[str, Any]) -> None:  # noqa: ARG002
        return None

    @cached_property
    def sends_records_as_they_are(self) -> bool:
        """Whether no field is deselected, mapped or flattened."""
        unmapped = all(type(each) is SameRecordTransform and not each.flattening_enabled for each in self.stream_maps)
        return unmapped and not self.left_out

    @cached_property
    def left_out(self) -> list[str]:
        """What a selection leaves out: the paths of fields, below the stream's name; that name where it is all."""
        if not self.selected:
            return [self.name]
        return sorted("/".join((self.name, *path[1::2])) for path, is_selected in self.mask.items() if not is_selected)

    def _generate_record_messages(self, record: dict[str, Any]) -> Generator[RecordMessage, None, None]:
        # Extracted is when the day was read. Told so, it can be compared with the ledger whatever the clock does.
        extracted_at = self._read_at or datetime.now(UTC)
        if self.sends_records_as_they_are:
            yield RecordMessage(self.name, record, time_extracted=extracted_at)
            return
        for message in super()._generate_record_messages(record):
            message.time_extracted = extracted_at
            yield message

    def _write_state_message(self) -> None:
        writer = self._tap.message_writer
        if not isinstance(writer, Writer) or writer.wants_state:
            super()._write_state_message()
