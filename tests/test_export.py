"""Exporting a person: the archive, read back, has the rows of the database."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from itertools import starmap
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zipfile import ZipFile

import duckdb
import psycopg
import pytest
from oura_collector.privacy.export import archives_of, file_stem
from oura_collector.settings import PROJECT
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.conftest import Pipeline
from tests.test_commands import collect, url

USER = "user-1"


def exported(pipeline: Pipeline, how: str, folder: Path, **options: str) -> ZipFile:
    path = folder / f"all{len(options)}.zip"
    set_otherwise = " ".join(f"-c {name}={value}" for name, value in options.items())
    where = {"DATABASE_URL": f"{url(pipeline.database)}&options={quote(set_otherwise)}", "DATA_DIR": str(folder)}
    done = collect("export", "--user", USER, "--format", how, "--output", str(path), **where)
    assert done.returncode == 0, done.stderr
    assert path.stat().st_mode & 0o077 == 0, "others could read it"
    return ZipFile(path)


def members(archive: ZipFile, how: str) -> dict[str, str]:
    """The file of each table; `runs` has no column for the account and is looked at by itself."""
    names = {name.removesuffix(f".{how}").replace("/", "."): name for name in archive.namelist() if name.endswith(how)}
    return {table: name for table, name in names.items() if table not in ("columns", "oura_collector.runs")}


def difference(connection: psycopg.Connection, table: str, shape: str, back: str) -> int:
    """Number of rows that the table, in that shape, or the query that reads the archive has alone."""
    own = sql.SQL(f"SELECT {shape}::text FROM {{}} AS stored WHERE user_id = {{}}").format(
        sql.Identifier(*table.split(".")), USER
    )
    query = sql.SQL("SELECT count(*) FROM (({a} EXCEPT ALL {b}) UNION ALL ({b} EXCEPT ALL {a})) AS alone")
    row = connection.execute(query.format(a=own, b=sql.SQL(back))).fetchone()
    assert row
    return int(row[0])


def test_the_csv_archive_read_back_holds_the_same_rows(collected: Pipeline, tmp_path: Path) -> None:
    archive = exported(collected, "csv", tmp_path)
    tables = members(archive, "csv")

    assert {"oura_raw.sleep", "oura_raw.collection_days", "public.oura_heart_rate"} <= tables.keys()
    with collected.database.connect() as connection:
        for table, name in tables.items():
            connection.execute(sql.SQL("CREATE TEMP TABLE back (LIKE {})").format(sql.Identifier(*table.split("."))))
            with connection.cursor().copy("COPY back FROM STDIN (FORMAT csv, HEADER)") as copy:
                copy.write(archive.read(name))
            assert difference(connection, table, "stored", "SELECT back::text FROM back") == 0, table
            connection.execute("DROP TABLE back")


def test_the_jsonl_archive_read_back_holds_the_same_rows(collected: Pipeline, tmp_path: Path) -> None:
    archive = exported(collected, "jsonl", tmp_path)

    with collected.database.connect() as connection:
        connection.execute("CREATE TEMP TABLE lines (line jsonb)")
        for table, name in members(archive, "jsonl").items():
            connection.execute("TRUNCATE lines")
            with connection.cursor().copy("COPY lines FROM STDIN") as copy:
                for line in archive.read(name).decode().splitlines():
                    assert json.loads(line)["user_id"] == USER
                    copy.write_row([line])
            assert difference(connection, table, "to_jsonb(stored)", "SELECT line::text FROM lines") == 0, table


def test_the_parquet_archive_read_back_holds_the_same_values(collected: Pipeline, tmp_path: Path) -> None:
    archive = exported(collected, "parquet", tmp_path)

    for table, name in members(archive, "parquet").items():
        file = archive.extract(name, tmp_path)
        back = duckdb.sql(f"SELECT * FROM '{file}'")
        assert back is not None
        columns = dict(zip(back.columns, map(str, back.types), strict=True))
        read = duckdb.execute(f"SELECT {', '.join(starmap(in_duckdb, columns.items()))} FROM '{file}'").fetchall()
        own = f"SELECT {', '.join(starmap(in_postgres, columns.items()))} FROM {table} WHERE user_id = %s"
        with psycopg.connect(make_conninfo(**collected.database.parameters, options="-c timezone=UTC")) as connection:
            assert comparable(read) == comparable(connection.execute(own.encode(), [USER]).fetchall()), table


def in_duckdb(column: str, kind: str) -> str:
    """Python knows no moment before or after all others."""
    finite = f'CASE WHEN isfinite("{column}") THEN "{column}" END'
    return finite if kind.startswith(("DATE", "TIMESTAMP")) else f'"{column}"'


def in_postgres(column: str, kind: str) -> str:
    return in_duckdb(column, kind) + {"VARCHAR": "::text", "DOUBLE": "::float8"}.get(kind, "")


def comparable(rows: list[tuple[Any, ...]]) -> list[str]:
    """Rows in a fixed order; an instant is the same in any zone."""
    return sorted(
        repr([value.timestamp() if getattr(value, "tzinfo", None) else value for value in row]) for row in rows
    )


@pytest.mark.parametrize("name", ["data-dictionary.md", "README.md", "columns.csv", "state.json"])
def test_an_archive_contains_the_data_dictionary(collected: Pipeline, tmp_path: Path, name: str) -> None:
    text = exported(collected, "csv", tmp_path).read(name).decode()

    assert text
    assert "user-2" not in text


def test_an_archive_contains_no_row_of_another_account(collected: Pipeline, tmp_path: Path) -> None:
    archive = exported(collected, "csv", tmp_path)

    assert [name for name in archive.namelist() if b"user-2" in archive.read(name)] == []
    assert len(json.loads(archive.read("state.json"))["dev:tap-oura-to-target-postgres"]["sleep"]) == 1


def test_an_archive_does_not_depend_on_the_servers_settings(collected: Pipeline, tmp_path: Path) -> None:
    usual = exported(collected, "csv", tmp_path)
    other = exported(
        collected,
        "csv",
        tmp_path,
        datestyle="German",
        intervalstyle="sql_standard",
        extra_float_digits="-6",
        timezone="Asia/Tokyo",
        client_encoding="LATIN1",
    )

    for name in set(usual.namelist()) - {"README.md"}:
        assert other.read(name) == usual.read(name), name


def test_an_archive_is_in_the_data_folder_and_private(collected: Pipeline, tmp_path: Path) -> None:
    done = collect("export", "--user", USER, DATABASE_URL=url(collected.database), DATA_DIR=str(tmp_path / "data"))

    path = Path(done.stdout.strip())
    assert path.parent == tmp_path / "data" / "exports"
    assert re.fullmatch(rf"oura-{USER}-\d{{4}}-\d\d-\d\d\.zip", path.name)
    assert [each.stat().st_mode & 0o777 for each in (path.parent, path)] == [0o700, 0o600]
    assert list(path.parent.iterdir()) == [path], "something is left beside it"


@pytest.mark.parametrize("name", ["user-1", "x" * 300, "ä" * 200, "李 / .. %", "a.b", "-", ""])
def test_an_accounts_files_have_short_unique_names(name: str) -> None:
    others = ["user-10", "x" * 301, "ä" * 201, "李", "a", "user-1-2026-01-01"]
    file = f"{file_stem(name)}-2026-01-01.zip"

    assert len(os.fsencode(f".{file}.abcdefgh.draft")) <= 255
    assert "/" not in file
    assert archives_of([name]).fullmatch(file)
    assert not any(archives_of([other]).fullmatch(file) for other in others)


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("missing/all.zip", "does not exist; create it"),
        ("dangling.zip", "already exists"),
        ("file/all.zip", "does not exist; create it"),
        ("x" * 300, "cannot write"),
        ("/dev/full/all.zip", "does not exist; create it"),
    ],
)
def test_an_unwritable_path_is_one_line(collected: Pipeline, tmp_path: Path, output: str, says: str) -> None:
    (tmp_path / "dangling.zip").symlink_to(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    where = {"DATABASE_URL": url(collected.database), "DATA_DIR": str(tmp_path / "data")}

    done = collect("export", "--user", USER, "--output", str(tmp_path / output), **where)

    assert done.returncode in (1, 2)
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "nowhere").exists()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_a_full_disk_is_one_line_and_leaves_nothing(collected: Pipeline, tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 20; exec "$0" "$@"', sys.executable, "collect.py", "export", "--user", USER],
        env={**os.environ, "DATABASE_URL": url(collected.database), "DATA_DIR": str(tmp_path)},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert re.fullmatch(
        rf"collect.py: export: cannot write {tmp_path}/exports/oura-{USER}-.*: File too large\n", done.stderr
    )
    assert list((tmp_path / "exports").iterdir()) == []


def test_an_archive_that_is_there_already_is_not_overwritten(collected: Pipeline, tmp_path: Path) -> None:
    (tmp_path / "all.zip").write_text("mine")
    where = {"DATABASE_URL": url(collected.database), "DATA_DIR": str(tmp_path)}

    done = collect("export", "--user", USER, "--output", str(tmp_path / "all.zip"), **where)

    assert done.returncode == 2
    assert (tmp_path / "all.zip").read_text() == "mine"
