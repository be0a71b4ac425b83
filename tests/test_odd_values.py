"""Odd values in the raw tables lose only themselves: no build, no other account's rows, no good value fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from oura_collector.database.connection import Database
from oura_collector.settings import PROJECT
from oura_simulator.testing import running
from ruamel.yaml import YAML

from tests.conftest import TODAY, Pipeline, Rows

ODD = "user-3"
DAY = "2026-03-10"
"""The day that odd documents are of, where their day is not what is odd."""

INSTANTS = (
    "", "T", "tomorrow", "now", "infinity", "2026-03-10", "2026-03-10T25:61:00Z", "2026-02-30T00:00:00.000Z",
    "0000-00-00T00:00:00Z", "9999-12-31T23:59:59-15:59", "0001-01-01T00:00:00+15:59", "2026-03-10T08:00:00+99:00",
    "2026-03-10T08:00:00+05:30Z", "string-like-but-T00:00:00", "2026-03-10T08:00:00[Europe/Paris]", "x" * 5000,
)  # fmt: skip
JSONS = (
    *("null", '"text"', '""', "[]", "[[], {}, null, 1]", "3", "-1e400", "true", "{}", '{"score": ""}'),
    '{"score": 4294967295, "deep_sleep": "n/a", "timing": {}, "stress": 1e400, "average": "", "hrv_balance": true}',
    '{"start_offset": 1e300, "end_offset": "1", "day_tz": 2147483647}',
    '{"interval": 0, "items": [1e308, 1e308, -1e400, 1e-400, "x", {}, null], "timestamp": "2026-03-10T25:61Z"}',
    '{"interval": -5, "items": {"0": 1}, "timestamp": null}',
    '{"interval": 1e300, "items": "many", "timestamp": "2026-03-10T08:00:00Z"}',
    json.dumps({"interval": 5, "items": [9e307] * 5000, "timestamp": "2026-03-10T08:00:00Z"}),
)
HOSTILE: dict[str, tuple[str, ...]] = {
    "text": INSTANTS,
    "bigint": (
        "0",
        "-1",
        "220",
        "4294967295",
        "2147483647",
        "-2147483648",
        "9223372036854775807",
        "-9223372036854775808",
    ),
    "numeric": ("0", "NaN", "Infinity", "-Infinity", "1e308", "-1e308", "1.8e308", "1e400", "1e-400", "0.1e-310"),
    "date": ("0001-01-01", "9999-12-31", "infinity", "-infinity", "5874897-12-31", "4713-01-01 BC"),
    "timestamp without time zone": ("infinity", "-infinity", "294276-12-31 23:59:59", "4713-01-01 00:00:00 BC"),
    "boolean": ("true",),
    "jsonb": JSONS,
    "jsonb[]": ("[]", '[null, 3, "x", {}]'),
    "text[]": ("[]", '[null, "", "x"]'),
}

COLUMNS: dict[str, dict[str, str]] = {
    table["name"]: {column["name"]: column["data_type"] for column in table["columns"]}
    for table in YAML(typ="safe").load(PROJECT / "transform/models/staging/__sources.yml")["sources"][0]["tables"]
}
KEYS = {"heartrate": "timestamp", "ring_battery_level": "timestamp", "collection_failures": "collection"}
ANOTHER_TOOL = {
    "text": "character varying",
    "bigint": "double precision",
    "numeric": "real",
    "date": "timestamp without time zone",
    "timestamp without time zone": "timestamp with time zone",
    "jsonb": "json",
    "jsonb[]": "jsonb",
    "text[]": "jsonb",
}

BY_DOCUMENT = ("oura_workouts", "oura_sleep_periods", "oura_sessions", "oura_tags")
BY_DAY = ("oura_sleep", "oura_activity", "oura_readiness", "oura_stress", "oura_spo2", "oura_resilience")

COUNTS = """
SELECT (SELECT count(*) FROM oura_stress) AS stress, (SELECT count(sleep_score) FROM oura_sleep) AS scores,
    (SELECT count(contributor_hrv_balance) FROM oura_readiness) AS contributors,
    (SELECT count(bpm) FROM oura_heart_rate) AS beats, (SELECT count(activity) FROM oura_workouts) AS activities,
    (SELECT count(*) > 0 FROM oura_workouts) AS workouts,
    (SELECT count(readiness_score) > 0 FROM oura_readiness) AS readiness,
    (SELECT count(*) > 1000 FROM oura_heart_rate) AS samples, (SELECT count(total_sleep) > 0 FROM oura_sleep) AS sleep,
    (SELECT count(*) FROM oura_completeness) AS read_days"""


@pytest.fixture(scope="module")
def collected_once(make_database: Callable[[], Database], folder: Path) -> Iterator[Pipeline]:
    accounts = [{"user": f"user-{number}", "access_token": f"token-{number}"} for number in (1, 2, 3)]
    with running(accounts=3, days=30, today=f"{TODAY}T20:00:00+00:00") as simulator:
        settings = {"TAP_OURA_ACCOUNTS": json.dumps(accounts)}
        pipeline = Pipeline(make_database(), simulator, folder, start_date="2026-03-08", settings=settings)
        pipeline.sync()
        yield pipeline


@pytest.fixture
def three(collected_once: Pipeline, server: Database, make_database: Callable[[], Database]) -> Pipeline:
    """Three accounts, collected and built, in a database of the test's own."""
    copy = make_database()
    name, template = copy.parameters["dbname"], collected_once.database.parameters["dbname"]
    with server.connect() as connection:
        connection.execute(f"DROP DATABASE {name}".encode())
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
    return replace(collected_once, database=copy)


def rows(pipeline: Pipeline, mart: str, condition: str) -> Rows:
    bookkeeping = "ARRAY['changed_at', 'recovered_at', 'failed_at']"
    return pipeline.rows(f"SELECT to_jsonb(m) - {bookkeeping} AS row FROM {mart} m WHERE {condition} ORDER BY 1")


def rows_of_the_others(pipeline: Pipeline) -> dict[str, Rows]:
    marts = pipeline.rows("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'")
    return {mart["relname"]: rows(pipeline, mart["relname"], f"user_id <> '{ODD}'") for mart in marts}


def good_rows(pipeline: Pipeline) -> dict[str, Rows]:
    """What the account with the odd values has apart from them: of other documents, and of other days."""
    days = "date BETWEEN '2026-03-12' AND '2026-03-30'"
    return {
        **{mart: rows(pipeline, mart, f"user_id = '{ODD}' AND id NOT LIKE 'odd %' AND {days}") for mart in BY_DOCUMENT},
        **{mart: rows(pipeline, mart, f"user_id = '{ODD}' AND {days}") for mart in (*BY_DAY, "oura_heart_rate")},
    }


def odd_rows(table: str) -> Iterator[str]:
    """Yield a row as JSON for each odd value of each column; what it leaves out is as in another row."""
    columns, key = COLUMNS[table], KEYS.get(table, "id")
    for column, declared in columns.items():
        # A failure whose end is unreadable counts as open, and fails the build as it should.
        if column in ("user_id", "recovered_at"):
            continue
        for number, value in enumerate(("infinity",) if column.startswith("_sdc_") else HOSTILE[declared]):
            row = {"user_id": ODD, "_sdc_batched_at": datetime.now(UTC).isoformat()}
            row |= {name: DAY for name in ("day", "start_day") if name in columns}
            row |= {"collection": "odd"} if table == "collection_days" else {}
            row |= {"recovered_at": "2026-03-10T08:00:00Z"} if table == "collection_failures" else {}
            row[key] = f"odd {column} {number}"
            if key == "timestamp":
                row[key] = f"2026-03-10T{list(columns).index(column) + 10}:{number:02}:30.5Z"
            if column != key or key == "timestamp":
                row[column] = value
            as_json = [name for name in row if name == column and declared in ("jsonb", "jsonb[]", "text[]")]
            pairs = (
                f"{json.dumps(name)}: {text if name in as_json else json.dumps(text)}" for name, text in row.items()
            )
            yield "{" + ", ".join(pairs) + "}"


def add_odd_rows(pipeline: Pipeline) -> None:
    with pipeline.database.connect() as connection:
        for table in COLUMNS:
            if not connection.execute("SELECT to_regclass(%s)", [f"oura_raw.{table}"]).fetchone()[0]:  # type: ignore[index]
                continue
            for row in odd_rows(table):
                # A column of another type may not hold the value at all.
                with suppress(psycopg.DataError), connection.transaction():
                    connection.execute(
                        f"INSERT INTO oura_raw.{table} SELECT (jsonb_populate_record("
                        f"(SELECT t FROM oura_raw.{table} t WHERE user_id = %s LIMIT 1), %s::jsonb)).*"
                        " ON CONFLICT DO NOTHING".encode(),
                        [ODD, row],
                    )


def retype(pipeline: Pipeline, types: dict[str, str]) -> None:
    """Make the raw tables such as another tool makes, without keys; a type that is not named becomes text."""
    with pipeline.database.connect() as connection:
        for table, columns in COLUMNS.items():
            if not connection.execute("SELECT to_regclass(%s)", [f"oura_raw.{table}"]).fetchone()[0]:  # type: ignore[index]
                continue
            made = ", ".join(
                f'(to_jsonb(t."{name}") #>> \'{{}}\')::{types.get(declared, "text")} AS "{name}"'
                for name, declared in columns.items()
            )
            connection.execute(f"CREATE TABLE made AS SELECT {made} FROM oura_raw.{table} t".encode())
            connection.execute(f"DROP TABLE oura_raw.{table} CASCADE".encode())
            connection.execute(f"ALTER TABLE made RENAME TO {table}".encode())
            connection.execute(f"ALTER TABLE {table} SET SCHEMA oura_raw".encode())


def test_an_odd_value_of_one_account_loses_only_itself(three: Pipeline) -> None:
    others, good = rows_of_the_others(three), good_rows(three)
    assert all(good[mart] for mart in ("oura_workouts", "oura_sleep_periods", "oura_heart_rate", *BY_DAY))

    add_odd_rows(three)
    output = three.meltano("run", "transform")

    assert rows_of_the_others(three) == others
    assert good_rows(three) == good
    assert f"Not readable: 3 values of daily_activity.steps of {ODD}" in output


@pytest.mark.parametrize("types", [{}, ANOTHER_TOOL], ids=["all text", "another tool's"])
def test_tables_with_other_column_types_are_read_where_possible(three: Pipeline, types: dict[str, str]) -> None:
    others, good = rows_of_the_others(three), good_rows(three)

    retype(three, types)
    add_odd_rows(three)
    three.meltano("run", "transform")
    assert rows_of_the_others(three) == others
    assert good_rows(three) == good


def test_a_field_that_meltano_deselects_loses_only_itself(make_database: Callable[[], Database], folder: Path) -> None:
    left_out = ["daily_sleep.score", "daily_readiness.contributors", "heartrate.bpm", "workout.activity"]
    left_out += ["daily_stress.*", "collection_days.*"]
    with running(accounts=2, days=30, today=f"{TODAY}T20:00:00+00:00") as simulator:
        pipeline = Pipeline(make_database(), simulator, folder, start_date="2026-03-20")
        pipeline.settings["TAP_OURA__SELECT"] = json.dumps(["*.*", *(f"!{pattern}" for pattern in left_out)])
        pipeline.sync()

    absent = {"stress": 0, "scores": 0, "contributors": 0, "beats": 0, "activities": 0, "read_days": 0}
    assert pipeline.rows(COUNTS) == [{**absent, "workouts": True, "readiness": True, "samples": True, "sleep": True}]
