"""Writes Singer messages fast: encoded by msgspec, flushed when somebody may act on them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.singerlib import RecordMessage

if TYPE_CHECKING:
    from singer_sdk.singerlib.messages import Message


class Writer(MsgSpecWriter):
    """Flushing each record would cost as much as making it; a state or a schema takes the records before it along."""

    def write_message(self, message: Message) -> None:
        sys.stdout.buffer.write(self.format_message(message))
        if not isinstance(message, RecordMessage):
            sys.stdout.buffer.flush()
