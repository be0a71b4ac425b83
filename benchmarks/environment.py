"""The environment of a contender: a simulator, its own database, and the job that all have in common."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from oura_collector.database import choice
from oura_collector.database.connection import Database, exists
from oura_simulator.testing import Running
from tap_oura.catalog.collections import COLLECTIONS, DEFAULT_COLLECTIONS, Query
from tap_oura.windows import Window, split

PEER_SCHEMA, OUR_SCHEMA = "bench", "oura_raw"

MARGIN = timedelta(days=3)
"""The simulator's data begin and end inside of what is asked for: whose ranges end where does not matter then."""

WIDEST = 28
"""Days of a time series in one request; Oura refuses more than a month."""


@dataclass(frozen=True)
class Job:
    """What is to be read: the accounts by number, from a first day on, as if asked at `now`."""

    accounts: Sequence[int]
    days: int
    now: datetime
    collections: tuple[str, ...] = DEFAULT_COLLECTIONS

    @property
    def first(self) -> date:
        return self.now.date() - timedelta(days=self.days) - MARGIN

    @property
    def last(self) -> date:
        return self.now.date() + MARGIN

    @property
    def tokens(self) -> list[str]:
        return [f"token-{number}" for number in self.accounts]

    def windows(self, name: str) -> list[dict[str, str]]:
        """The ranges to ask for. Only where Oura limits them there are several."""
        query = COLLECTIONS[name].query
        whole = Window(self.first, self.last)
        if query is Query.INSTANTS:
            return [
                {"start_datetime": f"{each.start}T00:00:00Z", "end_datetime": f"{each.end}T00:00:00Z"}
                for each in split(whole, WIDEST)
            ]
        return [{"start_date": str(whole.start), "end_date": str(whole.end)}] if query is Query.DATES else [{}]

    def described(self) -> list[dict[str, Any]]:
        """The collections as the peers' programs read them."""
        return [
            {
                "name": name,
                "path": COLLECTIONS[name].segment,
                "selector": "$" if COLLECTIONS[name].query is Query.OBJECT else "data",
                "keys": COLLECTIONS[name].keys,
                "windows": self.windows(name),
                "schema": {"type": "object", "properties": COLLECTIONS[name].properties},
            }
            for name in self.collections
        ]


@dataclass(frozen=True)
class Environment:
    """What one contender runs in; `folder` is for its files."""

    job: Job
    simulator: Running
    database: Database
    folder: Path

    @property
    def url(self) -> str:
        """The database for whoever speaks libpq."""
        return str(self.database.url()).replace("+psycopg", "", 1)

    @cached_property
    def order(self) -> Path:
        """The job as a file, for the peers."""
        return self.write(
            "job.json",
            {
                "url": f"{self.simulator.url}/v2/usercollection",
                "tokens": self.job.tokens,
                "database": self.url,
                "server": self.database.parameters,
                "schema": PEER_SCHEMA,
                "collections": self.job.described(),
            },
        )

    def write(self, name: str, content: dict[str, Any]) -> Path:
        path = self.folder / name
        path.write_text(json.dumps(content))
        return path

    def counts(self) -> dict[str, int]:
        """Rows by collection."""
        found = {}
        with self.database.connect() as connection:
            for name in self.job.collections:
                for schema in (OUR_SCHEMA, PEER_SCHEMA):
                    if exists(connection, f"{schema}.{name}"):
                        row = connection.execute(f"SELECT count(*) FROM {schema}.{name}".encode()).fetchone()
                        found[name] = row[0] if row else 0
        return {name: count for name, count in found.items() if count}

    def digest(self) -> dict[str, str]:
        """What our tables contain, by collection: all but the loader's own columns, in any order."""
        found = {}
        query = "SELECT md5(string_agg(t, '' ORDER BY t)) FROM (SELECT ({})::text AS t FROM {}.{} AS r) AS rows"
        content = "to_jsonb(r) - ARRAY(SELECT k FROM jsonb_object_keys(to_jsonb(r)) AS keys (k) WHERE k LIKE '\\_sdc%')"
        with self.database.connect() as connection:
            for name in self.job.collections:
                row = connection.execute(query.format(content, OUR_SCHEMA, name).encode()).fetchone()
                found[name] = str(row and row[0])
        return found

    def written(self) -> int:
        """Rows inserted, updated and deleted since the database was made, Meltano's own aside."""
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        changes = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables WHERE schemaname <> 'meltano'"
        with self.database.connect() as connection:
            # A connection reports its statistics when it ends, a moment after its program.
            deadline = time.monotonic() + 10
            while connection.execute(others.encode()).fetchone() != (0,) and time.monotonic() < deadline:
                time.sleep(0.05)
            row = connection.execute(changes.encode()).fetchone()
        return int(row[0] or 0) if row else 0

    def requests(self) -> int:
        return int(self.simulator.call("GET", "requests/count")["total"])


class Server:
    """The PostgreSQL of all contenders, as the project embeds it."""

    def __init__(self, folder: Path) -> None:
        self._database = choice.embedded(folder, "app")

    @contextmanager
    def database(self, name: str) -> Iterator[Database]:
        """An empty database, until the block ends."""
        with self._database.connect() as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        database = Database({**self._database.parameters, "dbname": name})
        choice.prepare(database)
        try:
            yield database
        finally:
            with self._database.connect() as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
                # What one contender left to be written must not be written in another's time.
                connection.execute(b"CHECKPOINT")


def now() -> datetime:
    """The instant at which the simulator's clock stands still."""
    return datetime.now(UTC).replace(microsecond=0)
