"""Documents of any JSON, hundreds of each collection, in one load and one build: nothing fails and nobody else suffers.

OURA_ANY_DOCUMENTS says how many of each collection.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from oura_collector.database.connection import Database
from oura_simulator.testing import running
from tap_oura.catalog.collections import COLLECTIONS, DEFAULT_COLLECTIONS, Query
from tap_oura.catalog.values import is_storable

from tests.any_json import body, documents, examples
from tests.conftest import TODAY
from tests.document_server import Answer, Collections
from tests.test_odd_documents import START, Collected, collect

EACH = int(os.environ.get("OURA_ANY_DOCUMENTS", "300"))
ODD, CALM = "user-0", ("user-1", "user-2")

TABLES = """
SELECT table_schema || '.' || table_name AS name, array_agg(column_name::text ORDER BY ordinal_position) AS columns
FROM information_schema.columns
WHERE table_schema = 'public' AND table_name LIKE 'oura\\_%' AND column_name NOT IN ('changed_at', 'loaded_at')
GROUP BY 1 ORDER BY 1"""
HISTORIES = ("public.oura_settling", "public.oura_collection_failures")
"""Tables that tell how things became known."""


@pytest.fixture(scope="module")
def odd() -> Collections:
    found: dict[str, Any] = {}
    for name in DEFAULT_COLLECTIONS:
        if COLLECTIONS[name].query is not Query.OBJECT:
            given = examples(documents(COLLECTIONS[name]), EACH)
            found[name] = Answer(body({"data": given, "next_token": None}))
    found["personal_info"] = [{"id": ODD, "age": "35", "weight": [], "email": "\ud800", "user_id": CALM[0]}]
    return found


@pytest.fixture(scope="module")
def calm() -> dict[str, Collections]:
    with running(accounts=2, days=60, today=f"{TODAY}T20:00:00+00:00") as simulator:
        return {
            user: {
                name: simulator.documents(user, COLLECTIONS[name].segment, **({"start": START} if cursor else {}))
                for name in DEFAULT_COLLECTIONS
                for cursor in [COLLECTIONS[name].cursor]
            }
            for user in CALM
        }


@pytest.fixture(scope="module")
def undisturbed(
    calm: dict[str, Collections], make_database: Callable[[], Database], tmp_path_factory: pytest.TempPathFactory
) -> Collected:
    return collect(make_database, tmp_path_factory.mktemp("calm"), calm, code=0)


@pytest.fixture(scope="module")
def disturbed(
    odd: Collections,
    calm: dict[str, Collections],
    make_database: Callable[[], Database],
    tmp_path_factory: pytest.TempPathFactory,
) -> Collected:
    return collect(make_database, tmp_path_factory.mktemp("any"), {ODD: odd, **calm}, code=1)


def test_any_document_is_loaded_and_built(disturbed: Collected) -> None:
    (run,) = disturbed.collector.runs()

    assert run["outcome"] == "partial"
    assert disturbed.collector.value("SELECT count(*) FROM oura_staging.builds") == 1
    for user in CALM:
        assert disturbed.failures(user) == {}


def test_odd_documents_do_not_change_the_tables_of_other_accounts(disturbed: Collected, undisturbed: Collected) -> None:
    tables = {row["name"]: row["columns"] for row in undisturbed.collector.rows(TABLES)}

    assert len(tables) > 20
    for table, columns in tables.items():
        if table not in HISTORIES and "user_id" in columns:
            names = ", ".join(f'"{column}"' for column in columns)
            whose = f"SELECT {names} FROM {table} WHERE user_id = ANY(%s) ORDER BY {names}"
            alone = undisturbed.collector.rows(whose, list(CALM))
            assert disturbed.collector.rows(whose, list(CALM)) == alone, table


def test_every_document_is_in_its_table_or_rejected(disturbed: Collected, odd: Collections) -> None:
    for name, answer in odd.items():
        if not isinstance(answer, Answer) or COLLECTIONS[name].keys != ("id",):
            continue
        sent = json.loads(answer.body)["data"]
        ids = {each["id"] for each in sent if isinstance(each.get("id"), str)}
        kept = disturbed.collector.rows(f"SELECT id FROM oura_raw.{name} WHERE user_id = %s", ODD)
        set_aside = disturbed.collector.rows(
            "SELECT document FROM oura_raw.rejected_documents WHERE user_id = %s AND collection = %s", ODD, name
        )
        assert len(kept) > EACH // 20, name
        names = [row["id"] for row in kept] + [row["document"].get("id") for row in set_aside]
        assert {each for each in ids if is_storable(each)} <= {each for each in names if isinstance(each, str)}, name


def test_no_value_is_in_the_log_of_any_document(disturbed: Collected) -> None:
    log = disturbed.process.path.with_suffix(".log").read_text()

    assert "Traceback" not in log
    assert "2147483648" not in log
    assert all(len(line) < 4_000 for line in log.splitlines())
