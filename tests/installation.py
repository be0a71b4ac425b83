"""An installation with rows, bookmarks and files of some accounts, made without a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from oura_collector.database.connection import Database
from oura_collector.database.migrations import migrate
from oura_collector.privacy import leftovers
from oura_collector.privacy.erase import erase
from oura_collector.settings import Settings

MELTANO = """
CREATE TABLE {schema}.state (state_id varchar PRIMARY KEY, updated_at timestamp, partial_state varchar,
    completed_state varchar);
CREATE TABLE {schema}.runs (id serial PRIMARY KEY, job_name varchar, run_id uuid DEFAULT gen_random_uuid(),
    state varchar, payload varchar, payload_flags integer, trigger varchar)"""
STATE_ID = "dev:tap-oura-to-target-postgres"


@dataclass
class Installation:
    """A database in which each account has some rows, and a data folder."""

    database: Database
    settings: Settings
    data: Path

    def erase(self, user: str) -> bool:
        return erase(self.settings, self.database, user, sure=True, wait=False)

    def add(self, *users: str, schema: str = "meltano") -> None:
        with self.database.connect() as connection:
            for user in users:
                connection.execute("INSERT INTO oura_raw.sleep VALUES (%s, %s)", [user, f"{user} 1 a venv user-10"])
            for name, named in [(f"{STATE_ID}:{user}", [user]) for user in users] + [(STATE_ID, users)]:
                values = {"id": name, "state": json.dumps(state(*named))}
                runs = f"INSERT INTO {schema}.runs (job_name, state, payload) VALUES (%(id)s, 'SUCCESS', %(state)s)"
                connection.execute(runs.encode(), values)
                connection.execute(
                    f"INSERT INTO {schema}.state VALUES (%(id)s, now(), %(state)s, %(state)s)".encode(), values
                )

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.database.connect() as connection:
            return connection.execute(query.encode()).fetchall()

    def put(self, name: str, text: str) -> Path:
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


def state(*users: str) -> dict[str, Any]:
    """Meltano's bookmarks of these accounts; the digests hold words that may be names."""
    days = {"days": {"2026-01-01": "1 9a0c", "2026-01-02": "2 user a 1 venv"}, "read_at": "2026-01-02"}
    parts = [{"context": {"user_id": user}, "days": days, "replication_key": "day"} for user in users]
    failing = [{"user_id": user, "collection": "sleep", "message": "1 a sleep user"} for user in users]
    return {"singer_state": {"bookmarks": {"sleep": {"partitions": parts}, "collection_failures": {"rows": failing}}}}


@pytest.fixture
def installation(
    make_database: Callable[[], Database], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Installation:
    for name in ("DBT_TARGET_PATH", "DBT_LOG_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(leftovers, "LOGS", tmp_path / "state" / "log")
    database = make_database()
    with database.connect() as connection:
        migrate(connection)
        connection.execute("CREATE SCHEMA oura_raw")
        connection.execute("CREATE TABLE oura_raw.sleep (user_id text, note text)")
        connection.execute(MELTANO.format(schema="meltano").encode())
    url = database.url().replace("+psycopg", "", 1)
    data = tmp_path / "data"
    data.mkdir()
    return Installation(database, Settings(database_url=url, data_dir=data, oura_api_url="http://127.0.0.1:9"), data)
