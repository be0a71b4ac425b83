"""A run without changes starts no dbt; anything that could change a table does."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from oura_collector.settings import PROJECT
from ruamel.yaml import YAML

from tests.conftest import Pipeline, stay_on_one_day

SKIPPED = "Nothing new since"
BUILT = "Done. PASS="


def update(pipeline: Pipeline, project: Path = PROJECT / "transform") -> str:
    """Build where something is new, as `meltano run dbt:update` does, and tell what was done."""
    # Without Meltano, which takes ten times as long as finding out that nothing is new.
    command = YAML(typ="safe").load(PROJECT / "meltano.yml")["plugins"]["utilities"][0]["commands"]["update"]
    program = PROJECT / ".meltano/utilities/dbt/venv/bin" / command["executable"]
    arguments = command["args"].replace("$DBT_PROJECT_DIR", str(project)).split()
    environment = {**pipeline.environment(), "DBT_PROJECT_DIR": str(project), "DBT_PROFILES_DIR": str(project)}
    output = subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, check=True).stdout
    assert (SKIPPED in output) != (BUILT in output), output
    return SKIPPED if SKIPPED in output else BUILT


@pytest.fixture
def settled(pipeline: Pipeline) -> Pipeline:
    """What is loaded is built, and nothing is new."""
    stay_on_one_day()
    update(pipeline)
    return pipeline


def test_without_changes_the_build_is_one_line_and_starts_no_dbt(settled: Pipeline) -> None:
    output = settled.meltano("run", "dbt:update")

    (line,) = [line for line in output.splitlines() if SKIPPED in line]
    assert "UTC: dbt skipped" in line
    assert "Running with dbt" not in output


def test_a_requested_build_always_runs(settled: Pipeline) -> None:
    assert BUILT in settled.meltano("run", "transform")
    assert update(settled) == SKIPPED


def test_a_second_run_right_after_the_first_builds_nothing(settled: Pipeline) -> None:
    settled.sync()

    assert SKIPPED in settled.sync()


def test_loaded_rows_are_built_once_and_everything_is_tested_daily(settled: Pipeline) -> None:
    def load(score: int) -> None:
        day = "2026-03-28"
        settled.simulator.edit(user="user-1", collection="daily_readiness", op="rescore", day=day, score=score)
        settled.extract_and_load()

    load(score=42)
    tables_only = settled.meltano("run", "dbt:update")
    assert update(settled) == SKIPPED
    (row,) = settled.rows("SELECT readiness_score FROM oura_readiness WHERE user_id = 'user-1' AND date = '2026-03-28'")
    assert row["readiness_score"] == 42

    load(score=143)
    settled.execute("UPDATE oura_staging.builds SET tested_at = tested_at - interval '1 day'")
    whole = settled.meltano("run", "dbt:update")

    assert "Tables only" in tables_only
    assert "Tables only" not in whole
    ranges = "Out of range: 1 values of oura_readiness.readiness_score of user-1"
    assert ranges in whole
    assert ranges not in tables_only


def test_rows_removed_by_hand_cause_a_build(settled: Pipeline) -> None:
    settled.execute("DELETE FROM oura_raw.workout WHERE day = '2026-03-20'")

    assert update(settled) == BUILT


def test_a_mart_that_is_missing_is_built(settled: Pipeline) -> None:
    settled.execute("DROP TABLE oura_vo2_max CASCADE")

    assert update(settled) == BUILT
    assert settled.rows("SELECT to_regclass('oura_vo2_max') AS mart")[0]["mart"]


def test_a_failed_build_is_repeated_without_changes(settled: Pipeline) -> None:
    settled.meltano("run", "transform", code=1, DBT_TARGET_PATH="/dev/null/target")

    assert update(settled) == BUILT


def test_a_failing_collection_fails_every_run_by_its_name(settled: Pipeline) -> None:
    settled.simulator.fault("scope_401", collection="daily_spo2", user="user-1")
    for _ in range(2):
        assert "Not read: daily_spo2 of user-1" in settled.sync(code=1)

    settled.simulator.reset()
    settled.sync()


# Last: what it builds is another project's, and the next test would have to build all of its own again.
def test_changed_models_are_built_without_changed_rows(settled: Pipeline, tmp_path: Path) -> None:
    upgraded = tmp_path / "transform"
    shutil.copytree(PROJECT / "transform", upgraded)
    model = upgraded / "models/marts/oura_vo2_max.sql"
    model.write_text(model.read_text() + "\n-- amended\n")

    assert update(settled, upgraded) == BUILT
