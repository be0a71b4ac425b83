"""An Oura whose clock is ours, the tap, and a warehouse that keeps the loader's rules, all in one process.

A history of edits, faults and kills takes milliseconds here where Meltano takes seconds, so thousands can be tried. The
simulator and the tap are the real ones, only the network between them is missing; the rows are in a real PostgreSQL.
"""

from __future__ import annotations

import io
import json
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import quote

import psycopg
import requests
import urllib3
from oura_simulator.app import create_app
from oura_simulator.inprocess import InProcess
from oura_simulator.settings import Settings
from psycopg.types.json import Jsonb
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from singer_sdk.singerlib.encoding.base import GenericSingerWriter
from tap_oura import windows
from tap_oura.catalog.collections import COLLECTIONS, Collection, Query
from tap_oura.tap import TapOura

Document = dict[str, Any]

MORNING = datetime(2026, 3, 20, 9, tzinfo=UTC)
"""When histories begin: Europe changes its clocks in the second week."""


HISTORY_DAYS = 500
"""How far back the simulator knows its accounts: beyond the longest history that is played."""


class Killed(BaseException):
    """The tap is gone from one message to the next."""


class Oura:
    """The simulator in this process. It is kept from one history to the next, with the days it has thought up."""

    made: ClassVar[dict[tuple[int, int], Oura]] = {}

    def __init__(self, accounts: int, seed: int) -> None:
        self.now = MORNING
        self.client = InProcess(
            create_app(Settings(accounts=accounts, seed=seed, days=HISTORY_DAYS), now=lambda: self.now)
        )

    @classmethod
    def fresh(cls, accounts: int, seed: int) -> Oura:
        if (accounts, seed) not in cls.made:
            cls.made[accounts, seed] = cls(accounts, seed)
        oura = cls.made[accounts, seed]
        oura.now = MORNING
        oura.ask("POST", "reset", {})
        oura.ask("DELETE", "requests")
        return oura

    def ask(self, method: str, route: str, body: Document | None = None) -> Any:
        content = b"" if body is None else json.dumps(body).encode()
        answer = self.client.request(method, f"/admin/{route}", body=content)
        assert answer.status < 300, answer.text
        return answer.json() if answer.body else None


class Wire(BaseAdapter):
    """Carries the tap's requests to the simulator in this process."""

    def __init__(self, client: InProcess) -> None:
        super().__init__()
        self._client = client

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        body = request.body or b""
        try:
            answer = self._client.request(
                str(request.method),
                str(request.url),
                headers=dict(request.headers),
                body=body if isinstance(body, bytes) else body.encode(),
            )
        except ConnectionResetError:
            raise requests.ConnectionError("broken off") from None
        response = requests.Response()
        response.status_code, response.request, response.url = answer.status, request, str(request.url)
        response.headers = CaseInsensitiveDict(answer.headers)
        response.raw = urllib3.HTTPResponse(io.BytesIO(answer.body), preload_content=False)
        return response

    def close(self) -> None:
        pass


class Messages(GenericSingerWriter[str, Any]):
    """The tap's output, up to the message at which it is killed."""

    def __init__(self, killed_at: int | None) -> None:
        self.output: list[dict[str, Any]] = []
        self._killed_at = killed_at

    def serialize_message(self, message: Any) -> str:
        return str(message)

    def write_message(self, message: Any) -> None:
        if self._killed_at is not None and len(self.output) >= self._killed_at:
            raise Killed
        output = message.to_dict()
        self.output.append(deepcopy(output) if output["type"] == "STATE" else output)


@dataclass
class Warehouse:
    """Raw rows as the loader keeps them: the newest of each key, and the rows of the ledger appended."""

    connection: psycopg.Connection[Any]

    # Not temporary: those are never vacuumed, and one test asks how much room a year takes.
    TABLES: ClassVar[str] = """
        CREATE UNLOGGED TABLE faults.raw (
            stream text, key jsonb, user_id text, day text, record jsonb, extracted_at timestamptz,
            PRIMARY KEY (stream, key)
        );
        CREATE UNLOGGED TABLE faults.days (
            user_id text, collection text, day text, document_ids text[], count integer, read_at timestamptz,
            rewritten_at timestamptz
        );
    """

    # The rule in one place, in the words of the tap's documentation; dbt's own is tested through dbt.
    VISIBLE: ClassVar[str] = """
        WITH latest AS (
            SELECT DISTINCT ON (collection, day) * FROM days WHERE user_id = %(user)s
            ORDER BY collection, day, read_at DESC
        ), rewritten AS (
            SELECT collection, day, max(rewritten_at) AS rewritten_at FROM days WHERE user_id = %(user)s GROUP BY 1, 2
        )
        SELECT record FROM raw
        LEFT JOIN latest ON latest.collection = raw.stream AND latest.day IS NOT DISTINCT FROM raw.day
        LEFT JOIN rewritten ON rewritten.collection = raw.stream AND rewritten.day IS NOT DISTINCT FROM raw.day
        WHERE raw.user_id = %(user)s AND raw.stream = %(stream)s AND CASE
            WHEN latest.collection IS NULL THEN true
            WHEN latest.document_ids IS NULL THEN raw.extracted_at >= rewritten.rewritten_at
            ELSE raw.extracted_at >= latest.read_at OR raw.record ->> 'id' = ANY (latest.document_ids)
        END
    """

    def __post_init__(self) -> None:
        self.connection.execute("DROP SCHEMA IF EXISTS faults CASCADE")
        self.connection.execute("CREATE SCHEMA faults")
        self.connection.execute(self.TABLES)
        self.connection.execute("SET search_path TO faults")

    def empty(self) -> None:
        self.connection.execute("TRUNCATE faults.raw, faults.days")

    def load(self, messages: list[dict[str, Any]]) -> None:
        """Load what is between two states."""
        streams: dict[str, list[dict[str, Any]]] = {}
        for message in messages:
            if message["type"] == "RECORD":
                streams.setdefault(message["stream"], []).append(message)
        for stream, records in streams.items():
            self._load(stream, records)

    def _load(self, stream: str, messages: list[dict[str, Any]]) -> None:
        if stream == "collection_days":
            names = ("user_id", "collection", "day", "document_ids", "count", "read_at", "rewritten_at")
            self._insert(
                f"INSERT INTO days VALUES ({', '.join(['%s'] * 7)})",
                [tuple(message["record"][name] for name in names) for message in messages],
            )
        elif stream in COLLECTIONS:
            collection, newest = COLLECTIONS[stream], {}
            for message in messages:
                record = message["record"]
                day = record[collection.cursor][:10] if collection.cursor else None
                key = json.dumps([record["user_id"], *(record[name] for name in collection.keys)])
                newest[key] = (stream, key, record["user_id"], day, Jsonb(record), message["time_extracted"])
            self._insert(
                "INSERT INTO raw VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (stream, key) DO UPDATE SET "
                "day = EXCLUDED.day, record = EXCLUDED.record, extracted_at = EXCLUDED.extracted_at",
                list(newest.values()),
            )

    def _insert(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        with self.connection.cursor() as cursor:
            cursor.executemany(statement, rows)

    def visible(self, stream: str, user: str) -> list[Document]:
        found = self.connection.execute(self.VISIBLE, {"stream": stream, "user": user}).fetchall()
        documents = []
        for (record,) in found:
            del record["user_id"]
            documents.append(record | (record.pop("extra") or {}))
        return documents


@dataclass
class World:
    """One history; each run continues from the state that was last acknowledged."""

    warehouse: Warehouse
    monkeypatch: Any
    collections: tuple[str, ...] = ("daily_sleep", "sleep", "workout", "ring_battery_level", "ring_configuration")
    accounts: int = 1
    seed: int = 1
    start: date = date(2026, 3, 10)
    state: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.oura = Oura.fresh(self.accounts, self.seed)
        self.monkeypatch.setattr(TapOura, "clock", staticmethod(lambda: self.oura.now.timestamp()))
        self.warehouse.empty()

    @property
    def users(self) -> list[str]:
        return [f"user-{number}" for number in range(1, self.accounts + 1)]

    def edit(self, **edit: Any) -> Any:
        return self.oura.ask("POST", "edits", edit)

    def fault(self, kind: str, **options: Any) -> None:
        self.oura.ask("POST", "faults", {"kind": kind, **options})

    def clear_faults(self) -> None:
        self.oura.ask("DELETE", "faults")

    def documents(self, user: str, stream: str, start: date | None = None) -> list[Document]:
        since = f"?start={start}" if start else ""
        path = COLLECTIONS[stream].segment
        found: list[Document] = self.oura.ask("GET", f"documents/{quote(user)}/{path}{since}")
        return found

    def later(self, **span: float) -> None:
        self.oura.now += timedelta(**span)

    def extract(self, killed_at: int | None = None) -> tuple[list[dict[str, Any]], int]:
        """Run the tap, or let it be killed after so many messages; return what it said and its exit code."""
        messages = Messages(killed_at)
        config = {
            "api_url": "http://simulator",
            "accounts": [{"user": user, "access_token": user.replace("user", "token")} for user in self.users],
            "collections": list(self.collections),
            "start_date": self.start.isoformat(),
            "max_retries": 0,
            **self.config,
        }
        tap = TapOura(config=config, state=deepcopy(self.state), message_writer=messages)
        tap.run.client.session.mount("http://simulator", Wire(self.oura.client))
        code = 0
        try:
            tap.sync_all()
        except SystemExit as end:
            code = int(end.code or 0)
        except Killed:
            code = -9
        return messages.output, code

    def run(self) -> list[dict[str, Any]]:
        """Extract and load; return the records that were sent."""
        messages, _ = self.extract()
        self.warehouse.load(messages)
        self._acknowledge(messages)
        self.config["forget_days"] = False
        self.later(seconds=1)
        return [message for message in messages if message["type"] == "RECORD"]

    def run_killed(self, at: float, acknowledged: float, committed: float) -> None:
        """Kill a run after a share of its messages; a share of those was acknowledged, some of the rest committed."""
        whole, _ = self.extract()
        self.config["forget_days"] = True  # As the collector does for the next run.
        sent, _ = self.extract(int(len(whole) * at))
        until = int(len(sent) * acknowledged)
        states = [number for number, message in enumerate(sent[:until]) if message["type"] == "STATE"]
        done = states[-1] + 1 if states else 0
        self.warehouse.load(sent[:done])
        self._acknowledge(sent[:done])
        # Each stream's batch is a transaction of its own: some are committed, whatever their order, others are not.
        rest: dict[str, list[dict[str, Any]]] = {}
        for message in sent[done:]:
            rest.setdefault(message.get("stream", ""), []).append(message)
        for number, stream in enumerate(rest):
            if (number * 0.37 + committed) % 1 < 0.5:
                self.warehouse.load(rest[stream])
        self.later(seconds=1)

    def _acknowledge(self, messages: list[dict[str, Any]]) -> None:
        for message in reversed(messages):
            if message["type"] == "STATE":
                self.state = message["value"]
                return

    def _first_day(self, collection: Collection) -> date | None:
        if collection.query is Query.INSTANTS:
            return windows.with_margin(self.start, None)[0]
        return self.start if collection.cursor else None

    def differences(self) -> list[str]:
        """Say where warehouse and Oura differ, document by document."""
        found = []
        for user in self.users:
            for stream in self.collections:
                collection = COLLECTIONS[stream]

                def key(document: Document, keys: tuple[str, ...] = collection.keys) -> str:
                    return " ".join(str(document[name]) for name in keys)

                there = {key(d): d for d in self.documents(user, stream, self._first_day(collection))}
                here = {key(d): d for d in self.warehouse.visible(stream, user)}
                found += [f"{stream} of {user} lacks {each}" for each in there.keys() - here.keys()]
                found += [f"{stream} of {user} still has {each}" for each in here.keys() - there.keys()]
                found += [
                    f"{stream} of {user}: {each} is old" for each in there.keys() & here if there[each] != here[each]
                ]
        return sorted(found)
