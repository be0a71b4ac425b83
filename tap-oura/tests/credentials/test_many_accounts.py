"""A thousand accounts in one run: one refresh each, constant memory, and a dead one stops no other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from oura_simulator.testing import Running, running

PAIR = ("user", "client_id", "client_secret", "refresh_token")
MIB = 1024  # of Linux' KiB


@pytest.fixture(scope="module")
def thousand() -> Iterator[Running]:
    with running(accounts=1000, days=2) as simulator:
        yield simulator


def run(simulator: Running, users: list[str], folder: Path) -> Any:
    """Run a tap in a process of its own; return its exit code, messages, log and peak memory in KiB."""
    entries = [{name: account[name] for name in PAIR} for account in simulator.accounts if account["user"] in users]
    config = {
        "api_url": simulator.url,
        "accounts": entries,
        "collections": ["personal_info"],
        "token_store": str(folder / "credentials"),
        # Asking the wrong endpoint first would be counted too.
        "token_url": ",".join(f"{simulator.url}{path}" for path in ("/oauth/token", "/oauth/v2/ext/oauth-token")),
    }
    (folder / "config.json").write_text(json.dumps(config))
    with (folder / "out").open("w") as out, (folder / "log").open("w") as log:
        command = [sys.executable, "-m", "tap_oura", "--config", str(folder / "config.json")]
        process = subprocess.Popen(command, stdout=out, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    messages = [json.loads(line) for line in (folder / "out").read_text().splitlines()]
    return process.returncode, messages, (folder / "log").read_text(), usage.ru_maxrss


def test_a_thousand_accounts_are_read_in_bounded_memory(thousand: Running, tmp_path: Path) -> None:
    users = [account["user"] for account in thousand.accounts]
    few, many = tmp_path / "few", tmp_path / "many"
    few.mkdir()
    many.mkdir()
    *_, memory_of_few = run(thousand, users[:50], few)
    thousand.reset()
    thousand.call("POST", "revoke", {"user": "user-500"})

    code, messages, log, memory = run(thousand, users, many)

    records = [
        message["record"] for message in messages if message.get("stream") == "personal_info" and "record" in message
    ]
    assert {record["user_id"] for record in records} == set(users) - {"user-500"}
    assert all(record["id"] == record["user_id"] for record in records), "a row of another account"
    assert code == 1
    assert [
        line for line in log.splitlines() if "not read" in line and "user-500" in line and "consent is lost" in line
    ]
    assert len([line for line in log.splitlines() if "not read" in line]) == 1
    refreshes = Counter(
        request["user"]
        for request in thousand.requests()
        if request.get("grant_type") == "refresh_token" and request["status"] == 200
    )
    assert refreshes == dict.fromkeys(set(users) - {"user-500"}, 1)
    assert memory - memory_of_few < 30 * MIB, f"{memory_of_few} KiB for 50 accounts, {memory} KiB for 1,000"
    print(f"{memory_of_few} KiB for 50 accounts, {memory} KiB for 1,000")
