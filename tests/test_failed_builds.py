"""Each way in which a build can fail: the run says which model or test it was and why, and quotes no row."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from oura_collector.database.connection import Database
from oura_collector.pipeline.result import Log, Result, RunReport, conclude
from oura_collector.settings import PROJECT
from oura_simulator.testing import running

from tests import shared
from tests.collector_process import Collector
from tests.conftest import PERSON

MODEL = "models/marts/oura_vo2_max.sql"
ARGUMENTS = ["build", "--exclude-resource-type", "unit_test", "exposure", "--select", "oura_vo2_max"]
NEWS = "DELETE FROM public.oura_vo2_max"
# By hand, as somebody may do who keeps notes in a mart.
NOTES = """
ALTER TABLE public.oura_vo2_max ADD COLUMN note text NOT NULL DEFAULT '';
ALTER TABLE public.oura_vo2_max ALTER COLUMN note DROP DEFAULT"""
FULL = 'could not extend file "base/5/1259": No space left on device'
ON_A_FULL_DISK = f"""
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION USING ERRCODE = 'disk_full', MESSAGE = '{FULL}', HINT = 'Check free disk space.';
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON public.oura_vo2_max EXECUTE FUNCTION public.refuse()"""

Build = Callable[..., Result]


@pytest.fixture(scope="module")
def database(make_database: Callable[..., Database], built: Database) -> Database:
    return make_database(built)


@pytest.fixture
def build(database: Database, tmp_path: Path) -> Build:
    """Build one mart of a changed copy of the project, in a changed database that is then as before."""
    project, report = tmp_path / "transform", tmp_path / "report"
    shutil.copytree(PROJECT / "transform", project, ignore=shutil.ignore_patterns("target", "logs"))

    def run(files: dict[str, Callable[[str], str]], **environment: str) -> Result:
        for name, change in files.items():
            file = project / name
            file.write_text(change(file.read_text() if file.exists() else ""))
        folders = {"DBT_PROJECT_DIR": project, "DBT_PROFILES_DIR": project, "DBT_TARGET_PATH": tmp_path / "target"}
        done = subprocess.run(
            [PROJECT / ".meltano/utilities/dbt/venv/bin/python", project / "build.py", *ARGUMENTS],
            env={
                "PATH": "/usr/bin:/bin",
                **database.environment(),
                **shared.dbt_folders(database),
                **{name: str(folder) for name, folder in folders.items()},
                "OURA_BUILD_REPORT": str(report),
                **environment,
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode, done.stdout
        read = RunReport()
        read.read(report)
        return conclude(read, Log(), done.returncode)

    return run


def instead(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return change


@pytest.mark.parametrize(
    ("files", "cause"),
    [
        (
            {MODEL: instead("from latest", "from latest where no_such_column > 1")},
            'model oura_vo2_max: column "no_such_column" does not exist',
        ),
        (
            {MODEL: instead("from latest", "from latest cross join public.gone")},
            'model oura_vo2_max: relation "public.gone" does not exist',
        ),
        (
            {MODEL: instead("from latest", "from latest where document_id::integer > 1")},
            'model oura_vo2_max: invalid input syntax for type integer: "…"',
        ),
        (
            {"tests/never.sql": lambda _: "select user_id from {{ ref('oura_vo2_max') }}"},
            "test never: Got ",
        ),
        ({MODEL: lambda text: text + "{{ nonsense("}, "dbt: Compilation Error"),
        ({"models/marts/oura_vo2_max.yml": lambda text: text + "\n  - {"}, "dbt: Parsing Error"),
        ({"dbt_project.yml": lambda text: text + "\n- {"}, "dbt: "),
    ],
    ids=["column", "table", "value", "test", "jinja", "yaml", "project"],
)
def test_a_failed_build_names_its_model_and_the_cause(
    build: Build, files: dict[str, Callable[[str], str]], cause: str
) -> None:
    result = build(files)

    assert (result.outcome, result.reason) == ("failed", "transform")
    assert str(result.message).startswith(cause)
    assert len(str(result.message).splitlines()) == 1


def test_a_locked_table_is_a_failure_of_the_database(build: Build, database: Database) -> None:
    with database.connect() as person, person.transaction():
        person.execute("LOCK TABLE public.oura_vo2_max")
        result = build({}, PGOPTIONS="-clock_timeout=1s")

    assert (result.reason, result.may_pass) == ("database", True)
    assert str(result.message).startswith("a lock lasted too long: model oura_vo2_max: canceling statement due to lock")


@pytest.mark.parametrize(
    ("change", "reason", "cause"),
    [
        (ON_A_FULL_DISK, "disk", f"model oura_vo2_max: {FULL}"),
        (
            NOTES,
            "transform",
            'model oura_vo2_max: null value in column "note" of relation "oura_vo2_max" violates not-null',
        ),
    ],
    ids=["full disk", "a column of one's own"],
)
def test_what_keeps_rows_from_being_written_is_named_without_the_row(
    build: Build, database: Database, change: str, reason: str, cause: str
) -> None:
    with psycopg.connect(**database.parameters) as connection:  # type: ignore[arg-type]
        connection.execute(f"{NEWS}; {change}".encode())
    try:
        result = build({})
    finally:
        with psycopg.connect(**database.parameters) as connection:  # type: ignore[arg-type]
            connection.execute("DROP FUNCTION IF EXISTS public.refuse() CASCADE")
            connection.execute("ALTER TABLE public.oura_vo2_max DROP COLUMN IF EXISTS note")

    assert result.reason == reason
    assert str(result.message).startswith(cause)
    assert "Failing row" not in str(result.message)


def test_the_cause_is_in_the_log_and_in_the_run_log(
    make_database: Callable[..., Database], installed: Database, tmp_path: Path
) -> None:
    with running(**PERSON) as simulator:
        collector = Collector(make_database(installed), simulator, tmp_path)
        collector.execute("DELETE FROM public.oura_readiness")
        collector.execute(NOTES.replace("oura_vo2_max", "oura_readiness"))
        process = collector.run("--force", code=1)

    cause = (
        'model oura_readiness: null value in column "note" of relation "oura_readiness" violates not-null constraint'
    )
    (finished,) = process.events("run finished")
    assert finished["message"] == cause
    assert cause in [event["what"] for event in process.events("not built")]
    assert collector.runs()[-1]["message"] == cause
    assert "Failing row" not in process.log()
