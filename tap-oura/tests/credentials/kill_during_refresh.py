"""A process that refreshes a token and kills itself with SIGKILL at the step in its arguments."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any
from unittest import mock

from tap_oura.credentials import files
from tap_oura.credentials.auth import AuthConfig, Credentials
from tap_oura.credentials.endpoints import Endpoints
from tap_oura.credentials.record import ConfiguredCredentials, Record
from tap_oura.credentials.stores import open_vault


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_anyhow(*_: Any) -> None:
    die()


def step_of(record: Record) -> str:
    """What a write is about."""
    if record.answer is not None:
        return "the answer"
    return "the note" if record.sent else "the pair"


def dying(kind: Any, at: str) -> Any:
    """An entry that dies `before`, `after` or in the `middle` of a write: once the text is down, not yet in force."""
    moment, _, what = at.partition(" ")
    write = kind.write

    def patched(self: Any, record: Record) -> None:
        if step_of(record) != what:
            write(self, record)
        elif moment == "before":
            die()
        elif moment == "after":
            write(self, record)
            die()
        else:
            mover = files.FileEntry if kind is files.FileEntry else type(self._vault)
            with mock.patch.object(mover, "_move" if mover is kind else "move", side_effect=die_anyhow):
                write(self, record)

    return patched


def main(options: Any) -> None:
    where = open_vault(options["store"])
    if options["store"].startswith("aws"):
        from tap_oura.credentials.secrets_manager import SecretEntry

        kind: Any = SecretEntry
    else:
        kind = files.FileEntry
    auth_config = AuthConfig(where, Endpoints(tuple(options["urls"]), connect=5, patience=5))
    credentials = Credentials(options["user"], ConfiguredCredentials(*options["seed"]), auth_config)
    with mock.patch.object(kind, "write", dying(kind, options["at"])):
        credentials.token()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
