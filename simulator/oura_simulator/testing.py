"""For test suites: a simulator in a process of its own, and its admin routes as methods.

with running(accounts=2, days=60) as simulator:
    simulator.edit(user="user-1", collection="workout", op="delete", id="…")
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from collections.abc import Iterator

Document = dict[str, Any]


@dataclass(frozen=True)
class Running:
    """A simulator that serves `url`; `accounts` are as in the output of `serve --json`."""

    url: str
    accounts: list[Document]
    """Each with `user`, `token`, `client_id`, `client_secret`, `refresh_token`, `token_url` and `timezone`."""

    def call(self, method: str, route: str, body: Document | None = None) -> Any:
        """Call an admin route and return its JSON. Raises urllib.error.HTTPError for a refusal."""
        request = urllib.request.Request(
            f"{self.url}/admin/{route}", method=method, data=None if body is None else json.dumps(body).encode()
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def documents(self, user: str, collection: str, start: str = "", end: str = "") -> list[Document]:
        """Return the expected documents, without the effect of filters, pages and faults."""
        days = urlencode({name: day for name, day in (("start", start), ("end", end)) if day})
        found: list[Document] = self.call("GET", f"documents/{quote(user)}/{collection}?{days}")
        return found

    def edit(self, **edit: Any) -> Any:
        """Apply an edit (`op`, `user`, `collection` and its options) and return its `ids` and `edits`."""
        return self.call("POST", "edits", edit)

    def fault(self, kind: str, **options: Any) -> Any:
        """Activate a fault, with its selection of requests and its options, and return it with its `id`."""
        return self.call("POST", "faults", {"kind": kind, **options})

    def clear_faults(self) -> None:
        self.call("DELETE", "faults")

    def now(self) -> datetime:
        return datetime.fromisoformat(self.call("GET", "clock")["now"])

    def set_clock(self, now: datetime) -> None:
        """Move the clock, which stands still there until `reset` takes it back."""
        self.call("POST", "clock", {"now": now.isoformat()})

    def requests(self) -> list[Document]:
        """Return the log of requests, oldest first: `n`, `at`, `method`, `path`, `query`, `user`, `status` and more."""
        found: list[Document] = self.call("GET", "requests")
        return found

    def reset(self) -> None:
        """Restore the initial state and clear the log of requests."""
        self.call("POST", "reset", {})
        self.call("DELETE", "requests")


@contextmanager
def running(**options: Any) -> Iterator[Running]:
    """Serve on a free port until the block ends. Options are those of `serve`; a list repeats its option.

    The clock stands still, at `today` or else at the start, so that two reads of a test never differ by themselves.
    `set_clock` moves it.
    """
    arguments = []
    options.setdefault("today", datetime.now(UTC).isoformat())
    for name, value in options.items():
        for each in value if isinstance(value, list) else [value]:
            arguments += [f"--{name.replace('_', '-')}", str(each)]
    command = [sys.executable, "-m", "oura_simulator", "serve", "--port", "0", "--json", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise RuntimeError("the simulator did not start; its own message stands above")
            yield Running(**json.loads(line))
        finally:
            process.terminate()
