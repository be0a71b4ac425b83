"""Erasing a person: afterwards neither the database nor a file has a trace of them, and all others are unchanged."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from oura_collector.database import choice
from oura_collector.database.connection import Database
from oura_collector.settings import PROJECT
from oura_simulator.testing import running

from tests.collector_process import Collector
from tests.conftest import NOW
from tests.test_backup import postgres

ERASED, KEPT = "wearer-one", "wearer-two"


@pytest.fixture(scope="module")
def erased(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Collector, list[str], dict[str, Any], str]]:
    """An installation of two wearers with an embedded PostgreSQL, and what led to the one who is erased."""
    with tempfile.TemporaryDirectory() as folder, running(accounts=2, days=30, today=NOW) as simulator:
        data = Path(folder)
        data.chmod(0o755)
        collector = Collector(choice.embedded(data, "app"), simulator, tmp_path_factory.mktemp("said"))
        # Bearer tokens land in the token store with the first run; one of them fails, so that messages name her.
        collector.settings = {
            "DATABASE_URL": "",
            "DATA_DIR": str(data),
            "DBT_TARGET_PATH": str(data / "dbt/target"),
            "DBT_LOG_PATH": str(data / "dbt/logs"),
            "XDG_STATE_HOME": str(data / "state"),
            "MULTI_USER_MODE": "true",
            "USER_MAPPING": f"{ERASED}: token-1\n{KEPT}: token-2",
        }
        simulator.fault("scope_401", collection="daily_spo2", user="user-1")
        collector.run("--once", code=1)
        traces = [ERASED, *ids(collector, ERASED)]
        before = {name: row_of(collector, name) for name in held(collector)}
        assert found_in_files(data, ERASED), "she is nowhere, so that nothing would be proved"
        output = collector.run("erase", "--user", ERASED, "--yes").output()
        yield collector, traces, before, output
        choice.stop_embedded(data)


def ids(collector: Collector, user: str) -> list[str]:
    """Her id at Oura, and those of documents of hers."""
    rows = collector.rows(f"SELECT id FROM oura_raw.personal_info WHERE user_id = '{user}'")
    rows += collector.rows(f"SELECT id FROM oura_raw.sleep WHERE user_id = '{user}' LIMIT 20")
    return [row["id"] for row in rows]


def held(collector: Collector) -> list[str]:
    """Every table with rows of persons."""
    return [
        row["name"]
        for row in collector.rows(
            "SELECT table_schema || '.' || table_name AS name FROM information_schema.columns "
            "JOIN information_schema.tables USING (table_schema, table_name) "
            "WHERE column_name = 'user_id' AND table_type = 'BASE TABLE' ORDER BY 1"
        )
    ]


def row_of(collector: Collector, table: str) -> Any:
    return collector.rows(
        f"SELECT count(*) AS rows, md5(string_agg(t::text, '' ORDER BY t::text)) AS content "
        f"FROM {table} AS t WHERE user_id = '{KEPT}'"
    )


def found_in_files(folder: Path, text: str) -> list[str]:
    done = subprocess.run(
        [
            "grep",
            "--recursive",
            "--files-with-matches",
            "--text",
            "--fixed-strings",
            text,
            folder,
            PROJECT / ".meltano/run",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.splitlines()


def test_a_database_dump_has_no_trace_of_an_erased_account(erased: Any) -> None:
    collector, traces, *_ = erased
    dump = postgres("pg_dump", collector.database, collector.database.parameters["dbname"])

    assert KEPT in dump
    assert [trace for trace in traces if trace in dump] == []


def test_no_file_has_a_trace_of_an_erased_account_not_even_postgresqls(erased: Any) -> None:
    collector, traces, *_ = erased
    data = Path(collector.settings["DATA_DIR"])

    assert found_in_files(data, KEPT)
    for trace in traces:
        assert found_in_files(data, trace) == []
    assert [path for path in data.rglob("*") if ERASED in path.name] == []


def test_erase_leaves_other_accounts_unchanged(erased: Any) -> None:
    collector, _, before, _ = erased

    assert {name: row_of(collector, name) for name in before} == before
    state = json.loads(collector.value("SELECT completed_state FROM meltano.state"))["singer_state"]["bookmarks"]
    assert [part["context"] for part in state["daily_sleep"]["partitions"]] == [{"user_id": KEPT}]


def test_the_proof_counts_rows_by_table_and_names_what_would_collect_again(erased: Any) -> None:
    *_, output = erased
    counts = {
        line.split()[0]: int(line.split()[1]) for line in output.splitlines() if line.endswith(tuple("0123456789"))
    }

    assert counts["oura_raw.sleep"] > 0
    assert counts["public.oura_sleep"] > 0
    assert counts["oura_collector.run_collections"] > 0
    assert "nothing was found" in output
    assert f"The settings still name {ERASED}" in output


def test_erase_refuses_a_name_without_data(erased: Any) -> None:
    collector, *_ = erased

    assert f"the accounts are: {KEPT}" in collector.run("erase", "--user", "nobody", "--yes", code=2).log()


def test_after_erase_the_next_run_continues_with_the_others(
    make_database: Callable[[], Database], tmp_path: Path
) -> None:
    with running(accounts=3, days=30) as simulator:
        collector = Collector(make_database(), simulator, tmp_path)
        accounts = ["1: token-1", "2: token-2", "10: token-3"]
        # What the commands say goes into files beside the data folder, and names the accounts too.
        collector.settings = {
            "MULTI_USER_MODE": "true",
            "DATA_DIR": str(tmp_path / "data"),
            "XDG_STATE_HOME": str(tmp_path / "state"),
        }
        collector.run("--once", USER_MAPPING="\n".join(accounts))
        assert found_in_files(tmp_path / "data" / "meltano", "daily_sleep of 1:")
        bookmarks = "SELECT completed_state FROM meltano.state"
        before = json.loads(collector.value(bookmarks))["singer_state"]["bookmarks"]

        output = collector.run("erase", "--user", "1", "--yes", USER_MAPPING="\n".join(accounts[1:])).output()

        after = json.loads(collector.value(bookmarks))["singer_state"]["bookmarks"]
        assert after.keys() == before.keys()
        for name, stream in before.items():
            kept = [part for part in stream.get("partitions", []) if part["context"]["user_id"] != "1"]
            assert after[name].get("partitions", []) == kept
        assert "nothing was found" in output
        assert found_in_files(tmp_path / "data" / "meltano", "daily_sleep of 1:") == []
        collector.run("--once", USER_MAPPING="\n".join(accounts[1:]))
        assert collector.runs()[-1]["outcome"] == "succeeded"
        assert [row["user_id"] for row in collector.rows("SELECT DISTINCT user_id FROM oura_sleep ORDER BY 1")] == [
            "10",
            "2",
        ]


def test_nothing_is_erased_without_confirmation(erased: Any) -> None:
    collector, *_ = erased

    collector.run("erase", "--user", KEPT, code=1)

    assert collector.value("SELECT count(*) FROM oura_raw.sleep") > 0
