"""As little as can be done: a pooled HTTP client, eight threads, COPY. `python floor.py job.json [rows.jsonl]`.

No keys, no upsert, no state, no retries: a bound from below, not a pipeline. With a file of rows only the COPY is done.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import httpx
import orjson
import psycopg

THREADS = 8
TYPES = {"integer": "bigint", "number": "double precision", "boolean": "boolean", "string": "text"}


def create(connection: psycopg.Connection, schema: str, collection: dict[str, Any]) -> None:
    columns = ", ".join(
        f'"{name}" {TYPES.get(field["type"][0], "jsonb")}' for name, field in collection["schema"]["properties"].items()
    )
    connection.execute(f'CREATE TABLE {schema}."{collection["name"]}" ({columns})'.encode())


def pages(client: httpx.Client, token: str, path: str, window: dict[str, str]) -> Iterator[list[dict[str, Any]]]:
    """Follow a window from its first page to its last."""
    query = dict(window)
    while True:
        answer = client.get(path, params=query, headers={"Authorization": f"Bearer {token}"}).raise_for_status()
        found = orjson.loads(answer.content)
        yield found.get("data", [found])
        if not found.get("next_token"):
            return
        query["next_token"] = found["next_token"]


def copy(connection: psycopg.Connection, schema: str, collection: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    names = list(collection["schema"]["properties"])
    columns = ", ".join(f'"{name}"' for name in names)
    with connection.cursor().copy(f'COPY {schema}."{collection["name"]}" ({columns}) FROM STDIN'.encode()) as stream:
        for row in rows:
            stream.write_row([_value(row.get(name)) for name in names])


def _value(value: Any) -> Any:
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text())
    schema = job["schema"]
    connections: SimpleQueue[psycopg.Connection] = SimpleQueue()
    for _ in range(THREADS):
        connections.put(psycopg.connect(job["database"], autocommit=True))
    connection = connections.get()
    connection.execute(f"CREATE SCHEMA {schema}".encode())
    for collection in job["collections"]:
        create(connection, schema, collection)
    if len(sys.argv) > 2:
        with Path(sys.argv[2]).open("rb") as lines:
            copy(connection, schema, job["collections"][0], [orjson.loads(line) for line in lines])
        return
    connections.put(connection)
    limits = httpx.Limits(max_connections=THREADS, max_keepalive_connections=THREADS)
    client = httpx.Client(base_url=job["url"], limits=limits, timeout=60)

    def window(task: tuple[str, dict[str, Any], dict[str, str]]) -> None:
        token, collection, asked = task
        rows = [row for page in pages(client, token, collection["path"], asked) for row in page]
        connection = connections.get()
        copy(connection, schema, collection, rows)
        connections.put(connection)

    tasks = [
        (token, collection, asked)
        for token in job["tokens"]
        for collection in job["collections"]
        for asked in collection["windows"]
    ]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(window, tasks))


if __name__ == "__main__":
    main()
