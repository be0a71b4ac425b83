"""The collector is tested by its command line, against a simulator in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from oura_simulator.testing import Running, running

# A slow machine is no fault of the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

PROJECT = Path(__file__).resolve().parents[2]
Collect = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def shared_simulator() -> Iterator[Running]:
    with running(accounts=4, days=3) as simulator:
        yield simulator


@pytest.fixture
def simulator(shared_simulator: Running) -> Running:
    shared_simulator.reset()
    return shared_simulator


@pytest.fixture
def environment(simulator: Running, tmp_path: Path) -> dict[str, str]:
    """The environment of an operator with an application at Oura and an empty data folder."""
    first = simulator.accounts[0]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("OURA_", "TAP_OURA_"))},
        "DATA_DIR": str(tmp_path / "data"),
        "OURA_API_URL": simulator.url,
        "OURA_CLIENT_ID": first["client_id"],
        "OURA_CLIENT_SECRET": first["client_secret"],
        "OURA_REDIRECT_URI": f"http://localhost:{port}/callback",
        "BROWSER": "false %s",
    }


@pytest.fixture
def collect(environment: dict[str, str]) -> Collect:
    """Call `collect.py` with arguments, text for its standard input, and changes of its environment."""

    def call(*arguments: str, output: str = "", **changes: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(PROJECT / "collect.py"), *arguments],
            input=output,
            capture_output=True,
            text=True,
            timeout=120,
            env={name: value for name, value in {**environment, **changes}.items() if value is not None},
            check=False,
        )

    return call
