"""The dbt project as a whole: its tests, and what a build without changes writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from oura_collector.database.connection import Database

from tests import shared
from tests.conftest import Pipeline, stay_on_one_day

LAYERS = ("ledger", "staging", "intermediate", "marts")

WRITTEN = (
    "SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables "
    "WHERE schemaname IN ('public', 'oura_staging') AND relname <> 'builds' ORDER BY 1"
)


@pytest.fixture(scope="module")
def tested(collected: Pipeline) -> str:
    """What dbt said of a build with all tests, of a mart of an older version, and without an index of dbt's own."""
    stay_on_one_day(600)
    collected.execute("ALTER TABLE oura_sessions DROP COLUMN changed_at")
    collected.execute("DROP INDEX oura_raw.heartrate_loaded_at")
    return collected.meltano("run", "dbt:test")


@pytest.fixture
def rebuilt(collected: Pipeline, tested: str) -> Pipeline:
    return collected


def test_every_dbt_test_passes(tested: str) -> None:
    assert "ERROR=0" in tested
    assert "unit_test" in tested


def test_each_layer_reads_from_those_above_it_and_raw_tables_end_with_staging(rebuilt: Pipeline) -> None:
    manifest = Path(shared.dbt_folders(rebuilt.database)["DBT_TARGET_PATH"], "manifest.json")
    nodes = json.loads(manifest.read_text())["nodes"]
    reads = {name: node["depends_on"]["nodes"] for name, node in nodes.items() if node["resource_type"] == "model"}
    layers = {name: LAYERS.index(nodes[name]["fqn"][1]) for name in reads}

    assert not [(name, read) for name in reads for read in reads[name] if layers.get(read, 0) > layers[name]]
    raw = {layers[name] for name in reads for read in reads[name] if read.startswith("source.")}
    assert raw == {LAYERS.index("ledger"), LAYERS.index("staging")}


def test_one_mart_can_be_built_and_tested_where_no_other_exists(
    make_database: Callable[..., Database], collected: Pipeline
) -> None:
    empty = replace(collected, database=make_database())

    selected = ("--select", "+oura_sleep", "--exclude-resource-type", "unit_test", "exposure")
    built = empty.meltano("invoke", "dbt", "build", *selected)

    assert "every_value_is_in_range" in built
    (found,) = empty.rows("SELECT to_regclass('oura_sleep') AS sleep, to_regclass('oura_activity') AS activity")
    assert found["sleep"]
    assert not found["activity"]


def test_a_build_without_changes_writes_nothing(rebuilt: Pipeline) -> None:
    # Counters of a session are flushed when it ends; each build is a session that has ended.
    before = rebuilt.rows(WRITTEN)

    rebuilt.meltano("run", "transform")

    assert rebuilt.rows(WRITTEN) == before


def test_a_mart_of_an_older_version_gets_its_load_times(rebuilt: Pipeline) -> None:
    (rows,) = rebuilt.rows("SELECT count(*) AS sessions, count(changed_at) AS known FROM oura_sessions")
    assert rows["sessions"] == rows["known"] > 0


def test_the_planner_has_statistics_on_the_load_time_index(rebuilt: Pipeline) -> None:
    assert rebuilt.rows("SELECT FROM pg_stats WHERE tablename = 'heartrate_loaded_at'")
