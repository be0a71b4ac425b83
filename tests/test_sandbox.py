"""Oura's sandbox, through the whole pipeline."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from oura_collector.database.connection import Database
from oura_simulator.testing import running

from tests.collector_process import Collector
from tests.conftest import PERSON


def test_the_sandbox_fills_the_tables_without_credentials(
    make_database: Callable[[], Database], tmp_path: Path
) -> None:
    settings = {"OURA_API_TOKEN": "", "TAP_OURA_SANDBOX": "true"}
    with running(**PERSON) as simulator:
        collector = Collector(make_database(), simulator, tmp_path, settings)
        run = collector.run("--once")
        status = collector.run("status")

    assert "dated outside" not in run.output()  # It is as Oura's sandbox is, and no warning.
    assert collector.value("SELECT count(*) FROM oura_sleep WHERE user_id = 'sandbox'") >= 15
    for table in ("oura_vo2_max", "oura_cardiovascular_age"):
        assert collector.rows(f"SELECT user_id, date::text FROM {table}") == [
            {"user_id": "sandbox", "date": "2021-01-01"}
        ]
    assert status.output().startswith("1 account: 1 fine\n")
