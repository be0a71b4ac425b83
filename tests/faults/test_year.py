"""A year of hourly runs in simulated time: nothing drifts or grows. A year, or OURA_SOAK_HOURS."""

from __future__ import annotations

import json
import os

import pytest
from tap_oura.catalog.collections import DEFAULT_COLLECTIONS

from tests.faults.world import World

HOURS = int(os.environ.get("OURA_SOAK_HOURS", "8760"))
LARGEST_STATE = 64_000


@pytest.mark.soak
@pytest.mark.timeout(4 * 3600)
def test_a_year_of_hourly_runs_neither_drifts_nor_grows(world: World) -> None:
    year = World(world.warehouse, world.monkeypatch, collections=DEFAULT_COLLECTIONS)
    connection = world.warehouse.connection
    largest, quiet, sent = 0, 0, 0
    for hour in range(HOURS):
        records = year.run()
        sent += len(records)
        quiet += not records
        largest = max(largest, len(json.dumps(year.state)))
        if hour % 240 == 239:
            print(f"{year.oura.now:%d %b}: {sent:,} records sent, {quiet} runs without news, state {largest:,} bytes")
        year.later(hours=1)
    year.run()

    assert year.differences() == []
    assert largest < LARGEST_STATE
    size = "SELECT sum(pg_table_size(oid)) FROM pg_class WHERE relnamespace = 'faults'::regnamespace AND relkind = 'r'"
    with_room = connection.execute(size.encode()).fetchall()[0][0]
    connection.execute("VACUUM FULL")
    net = connection.execute(size.encode()).fetchall()[0][0]
    print(f"{with_room / 2**20:.1f} MiB, {net / 2**20:.1f} MiB net")
    assert with_room < 2 * net
