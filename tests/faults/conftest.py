"""One connection for all histories; their tables are temporary."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from oura_collector.database.connection import Database

from tests import shared
from tests.faults.world import Oura, Warehouse, World


@pytest.fixture(scope="session")
def warehouse(server: Database) -> Iterator[Warehouse]:
    with shared.maker(server) as make, make().connect() as connection:
        yield Warehouse(connection)
    for oura in Oura.made.values():
        oura.client.close()


@pytest.fixture
def world(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> World:
    """Ten days of one account, with nothing read yet."""
    return World(warehouse, monkeypatch)
