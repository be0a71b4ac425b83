"""The log's two forms, written by a process of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import logging, sys
from oura_collector import logging_setup

def fail():
    held = "".join(["plan", "ted"])
    raise LookupError("nothing there")

logging_setup.configure(sys.argv[1])
try:
    fail()
except LookupError:
    logging.getLogger("asyncio").exception("failed")
"""


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_traceback_shows_no_local_variables(log_format: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, log_format], capture_output=True, text=True, check=True, timeout=60
    )

    assert "nothing there" in done.stderr
    assert "fail" in done.stderr
    assert "planted" not in done.stderr
