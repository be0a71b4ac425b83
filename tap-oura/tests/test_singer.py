"""The Singer SDK's standard suite, against the simulator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from oura_simulator.testing import running
from singer_sdk.testing import SuiteConfig, get_tap_test_class
from tap_oura.catalog.collections import COLLECTIONS
from tap_oura.tap import TapOura

# The suite makes a first tap of this when it is collected, without using it; the simulator's address comes later.
CONFIG: dict[str, Any] = {
    "accounts": [{"user": "user-1", "access_token": "token-1"}],
    "collections": list(COLLECTIONS),
}

TestTapOura = get_tap_test_class(
    TapOura,
    config=CONFIG,
    suite_config=SuiteConfig(
        # Written by other streams, empty unless something failed, or unless the wearer took the measurement.
        ignore_no_records_for_streams=[
            "collection_days",
            "collection_failures",
            "rejected_documents",
            "rest_mode_period",
            "vo2_max",
        ],
    ),
)


@pytest.fixture(scope="module", autouse=True)
def address() -> Iterator[None]:
    with running(accounts=1, days=60) as simulator:
        CONFIG["api_url"] = simulator.url
        yield
