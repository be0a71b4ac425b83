"""Run dbt and, with `--if-new`, only where something is new: `python build.py [--if-new] <dbt's arguments>`.

After a build that dbt calls good, a marker in the warehouse keeps what was loaded, and which models were built, when it
began. Where nothing of that has changed, building again could change nothing, so dbt is not even started. Where only
data came, the tables are built; the views, and the tests of all that is in the tables, wait for the day's first build.
The marker is taken away before each build: one that fails or is killed is made up for by a whole one.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import closing, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extensions import quote_ident

PROJECT = Path(__file__).parent
READ_BY_DBT = ("models", "macros", "tests", "snapshots", "seeds")
IF_NEW = "--if-new"
# Keys are constraints and always hold; the tests read all of history, and the views change with the project only.
TABLES = ["config.materialized:incremental", "resource_type:snapshot", "every_collection_was_read"]
# What dbt would write into its log, it says as well.
TABLES_ONLY = ["--no-write-json", "--log-level-file", "none", "--indirect-selection", "empty", "--select", *TABLES]

MOST_FAILURES = 20

MARKERS = """
CREATE TABLE IF NOT EXISTS oura_staging.builds (
    arguments text PRIMARY KEY,
    models text NOT NULL,
    loaded text NOT NULL,
    built_at timestamptz NOT NULL DEFAULT now(),
    tested_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE oura_staging.builds IS 'One row per way of calling dbt: what its last good build was made from.'"""
IS_THERE = "SELECT to_regclass(%s) IS NOT NULL"
BUILT = """
SELECT count(DISTINCT relname) FROM pg_class
WHERE relnamespace::regnamespace::text IN ('public', 'oura_staging') AND relname = ANY(%s)"""
# A new day has rows of its own in the tables that count days, and is tested once.
MADE = """
SELECT json_build_object(
    'loaded', loaded,
    'built_at', to_char(built_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
    'tested_at', to_char(tested_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
)
FROM oura_staging.builds
WHERE arguments = %s AND models = %s AND (tested_at AT TIME ZONE 'UTC')::date = (now() AT TIME ZONE 'UTC')::date"""
# The marker too is kept from a run that lost its lock, as each model is.
CHECK = """
DO $$ BEGIN
    IF current_setting('application_name') LIKE 'oura-run-%%' THEN PERFORM oura_collector.check_run(); END IF;
END $$;"""
FORGET = "DELETE FROM oura_staging.builds WHERE arguments = %s"
REMEMBER = f"""{CHECK}
INSERT INTO oura_staging.builds (arguments, models, loaded, tested_at)
VALUES (%s, %s, %s, coalesce(%s::timestamp AT TIME ZONE 'UTC', now())) ON CONFLICT DO NOTHING"""

# A view is made for the columns that its table has: another column, or another type of one, takes a whole build.
SHAPE = """
SELECT coalesce(md5(string_agg(concat_ws(' ', relname, attname, atttypid), ',' ORDER BY relname, attname)), '')
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE relnamespace = to_regnamespace('oura_raw') AND relkind IN ('r', 'p', 'v', 'm', 'f')
    AND attnum > 0 AND NOT attisdropped"""
LOADED = "SELECT coalesce(json_agg(tablename ORDER BY tablename), '[]') FROM pg_tables WHERE schemaname = 'oura_raw'"
# The ledger of days only ever grows, so its count alone misses nothing; the others are for loads without that ledger.
ROWS = "SELECT concat_ws(' ', count(*), max(_sdc_batched_at)) FROM oura_raw.{}"
# On the load time of the two long tables dbt keeps an index: nothing but its end is read.
SERIES = ("heartrate", "ring_battery_level")
NEWEST = "SELECT max(_sdc_batched_at AT TIME ZONE 'UTC')::text FROM oura_raw.{}"


@dataclass(frozen=True)
class Build:
    """What a build is made from: the way dbt is called, digests of models and raw columns, and of what is loaded."""

    arguments: str
    models: str
    loaded: str | None


@dataclass(frozen=True)
class Made:
    """What a good build was made from, and when it and the tests of all that is in the tables began. Text, in UTC."""

    loaded: str
    built_at: str
    tested_at: str


class Warehouse:
    """The database that dbt builds in."""

    def __init__(self) -> None:
        names = {"host": "HOST", "port": "PORT", "dbname": "NAME", "user": "USER", "password": "PASSWORD"}
        names |= {"sslmode": "SSLMODE", "sslrootcert": "SSLROOTCERT"}
        given = {name: os.environ.get(f"DATABASE_{variable}") for name, variable in names.items()}
        self._connection = psycopg2.connect(**{name: value for name, value in given.items() if value})
        self._connection.autocommit = True

    def close(self) -> None:
        self._connection.close()

    def ask(self, query: str, *parameters: object) -> Any:
        """Return the first value of the first row, None where there is none."""
        with self._connection.cursor() as cursor:
            cursor.execute(query, parameters)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None

    def loaded(self) -> str | None:
        """Return a digest of what is loaded; None where there is no ledger that a load would leave its trace in."""
        tables = self.ask(LOADED)
        if "collection_days" not in tables:
            return None
        return sha256(repr([(table, self._trace(table)) for table in tables]).encode()).hexdigest()

    def _trace(self, table: str) -> object:
        query = NEWEST if table in SERIES else ROWS
        return self.ask(query.format(quote_ident(table, self._connection)))

    def made(self, build: Build) -> Made | None:
        """Return the last build of the same models; None where it is of another day, or not all there any more."""
        names = [path.stem for path in (PROJECT / "models").rglob("*.sql")]
        if self.ask(BUILT, names) != len(names) or not self.ask(IS_THERE, "oura_staging.builds"):
            return None
        row = self.ask(MADE, build.arguments, build.models)
        return Made(**row) if row else None

    def forget(self, build: Build) -> None:
        if self.ask(IS_THERE, "oura_staging.builds"):
            self.ask(FORGET, build.arguments)

    def remember(self, build: Build, tested_at: str | None) -> None:
        """Keep what was built, and tested at another time than now. The schema is there: dbt has just built in it."""
        if build.loaded:
            self.ask(MARKERS)
            self.ask(REMEMBER, build.arguments, build.models, build.loaded, tested_at)


def models() -> str:
    """Return a digest of everything that dbt reads."""
    digest = sha256()
    files = [PROJECT / "dbt_project.yml", *(file for folder in READ_BY_DBT for file in (PROJECT / folder).rglob("*.*"))]
    for file in sorted(files):
        digest.update(f"{file.relative_to(PROJECT)} {file.stat().st_size} ".encode() + file.read_bytes())
    return digest.hexdigest()


def dbt(arguments: list[str]) -> tuple[int, list[str]]:
    """Run dbt in this process. Return its exit code, and what it says of each model and test that failed."""
    # Imported here: it takes longer than finding out that nothing is new.
    from dbt.cli.exceptions import DbtUsageException
    from dbt.cli.main import dbtRunner

    done = dbtRunner().invoke(arguments)
    if isinstance(done.exception, DbtUsageException):  # It has logged all other errors itself.
        print(done.exception, file=sys.stderr)
    results = getattr(done.result, "results", None) or []
    failed = [result for result in results if result.status in ("error", "fail", "runtime error")]
    messages = [f"{result.node.resource_type} {result.node.name}: {result.message}" for result in failed]
    if done.exception and not failed:  # It did not get as far as a model.
        messages = [f"dbt: {done.exception}"]
    return 0 if done.success else 2 if done.exception else 1, messages


def report(exit_code: int | None, failures: list[str], *, nothing_new: bool = False) -> None:
    """Append a line of JSON to the file that OURA_BUILD_REPORT names. No `exit_code` means that a build has begun."""
    if path := os.environ.get("OURA_BUILD_REPORT"):
        line = {
            "type": "build",
            "exit_code": exit_code,
            "failures": failures[:MOST_FAILURES],
            "nothing_new": nothing_new,
        }
        with suppress(OSError), open(path, "a", encoding="utf-8") as file:  # noqa: PTH123
            file.write(json.dumps(line) + "\n")


def due(arguments: str, *, if_new: bool) -> tuple[Build, Made | None]:
    """Return what to build, and the build that it can rest on. That one is forgotten where it is not the same."""
    with closing(Warehouse()) as warehouse:
        build = Build(arguments, f"{models()} {warehouse.ask(SHAPE)}", warehouse.loaded())
        made = warehouse.made(build) if if_new else None
        if not made or made.loaded != build.loaded:
            warehouse.forget(build)
        return build, made


def main(arguments: list[str]) -> int:
    os.environ.setdefault("PGAPPNAME", "dbt")  # What sessions are called in PostgreSQL.
    requested = [argument for argument in arguments if argument != IF_NEW]
    build: Build | None = None
    made: Made | None = None
    # Where the database fails, dbt will meet the same and say it better.
    with suppress(psycopg2.Error):
        build, made = due(" ".join(requested), if_new=IF_NEW in arguments)
    if build and made and made.loaded == build.loaded:
        print(f"Nothing new since {made.built_at} UTC: dbt skipped")
        report(0, [], nothing_new=True)
        return 0
    if made:
        print(f"Tables only: all that is in them was tested at {made.tested_at} UTC")
    report(None, [])
    code, failures = dbt([*requested, *TABLES_ONLY] if made else requested)
    report(code, failures)
    if code == 0 and build:
        with suppress(psycopg2.Error), closing(Warehouse()) as warehouse:
            warehouse.remember(build, made.tested_at if made else None)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
