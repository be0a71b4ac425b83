"""Several processes want the same account's token at the same moment: one refreshes, all succeed."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from tap_oura.credentials.auth import Credentials
from tap_oura.credentials.record import Record, adopt
from tap_oura.credentials.stores import open_vault
from tap_oura.credentials.vault import Overtaken

from .conftest import kept

if TYPE_CHECKING:
    from .conftest import Clock, Oura

DAY = 86400


def tap(oura: Oura, location: str, tmp_path: Path, user: str = "user-1") -> Any:
    """Start a real tap for one small collection."""
    account = {name: oura.account(user)[name] for name in ("user", "client_id", "client_secret", "refresh_token")}
    config = tmp_path / "config.json"
    config.write_text(
        json.dumps(
            {"api_url": oura.url, "accounts": [account], "collections": ["personal_info"], "token_store": location}
        )
    )
    program = str(Path(sys.executable).with_name("tap-oura"))
    return subprocess.Popen(
        [program, "--config", str(config)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def race(oura: Oura, location: str, tmp_path: Path) -> Any:
    """Let two taps start with an expired token; return their exit codes, what refreshes were answered, their output."""
    with open_vault(location).open("user-1") as entry:
        if entry.record:
            entry.write(Record(**{**vars(entry.record), "expires_at": time.time() - 1}))
    oura.call("DELETE", "requests")
    taps = [tap(oura, location, tmp_path) for _ in range(2)]
    outputs = [process.communicate(timeout=60) for process in taps]
    refreshes = [request["status"] for request in oura.refreshes() if request["status"] != 401]
    return [process.returncode for process in taps], refreshes, outputs


def test_two_taps_with_one_expired_account_refresh_once(oura: Oura, location: str, tmp_path: Path) -> None:
    for number in range(4 if location.startswith("/") else 2):
        codes, refreshes, outputs = race(oura, location, tmp_path)

        assert codes == [0, 0], f"round {number}: {outputs}"
        assert refreshes == [200], number
        assert all('"type":"RECORD"' in output for output, _ in outputs)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_two_taps_with_one_expired_account_refresh_once_two_hundred_times(
    oura: Oura, location: str, tmp_path: Path
) -> None:
    for number in range(200):
        codes, refreshes, outputs = race(oura, location, tmp_path)

        assert codes == [0, 0], f"round {number}: {outputs}"
        assert refreshes == [200], number
        assert all('"type":"RECORD"' in output for output, _ in outputs)


def test_of_two_concurrent_writers_one_gets_a_conflict(oura: Oura, secrets: str) -> None:
    vault = open_vault(f"aws-secretsmanager://oura/user-9?region=eu-west-1&endpoint_url={secrets}")
    with vault.open("default") as entry:
        entry.write(Record("first", "first"))

    with vault.open("default") as one, vault.open("default") as other:
        one.write(Record("one", "one"))
        with pytest.raises(Overtaken):
            other.write(Record("other", "other"))
    assert kept(vault).access_token == "one"


def test_writers_of_two_accounts_in_one_secret_keep_each_others_values(secrets: str) -> None:
    location = f"aws-secretsmanager://oura/all?region=eu-west-1&endpoint_url={secrets}"
    users = [f"user-{number}" for number in range(4)]
    client = boto3.client("secretsmanager", region_name="eu-west-1", endpoint_url=secrets)
    client.create_secret(Name="oura/all", SecretString='{"accounts": {}}')

    def write(user: str) -> None:
        vault = open_vault(location)
        for turn in range(5):
            with vault.open(user) as entry:
                entry.write(Record(f"{user} {turn}", f"{user} {turn}"))

    threads = [threading.Thread(target=write, args=[user]) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {user: kept(open_vault(location), user).refresh_token for user in users} == {u: f"{u} 4" for u in users}


def test_many_threads_of_one_process_refresh_once(oura: Oura, make: Callable[..., Credentials]) -> None:
    credentials = make()
    got = []
    threads = [threading.Thread(target=lambda: got.append(credentials.token())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(got)) == 1
    assert len(got) == 8
    assert [request["status"] for request in oura.refreshes()].count(200) == 1


def test_a_second_machine_waits_for_the_first_ones_refresh(
    oura: Oura, make: Callable[..., Credentials], secrets: str, clock: Clock
) -> None:
    vault = open_vault(f"aws-secretsmanager://oura/accounts/?region=eu-west-1&endpoint_url={secrets}")
    with vault.open("user-1") as entry:
        entry.write(adopt(None, oura.seed("user-1")))
    oura.admin("oauth", expires_in=DAY)
    got = []
    threads = [threading.Thread(target=lambda: got.append(make(vault=vault).token())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(got) == 3
    assert len(set(got)) == 1
    assert [request["status"] for request in oura.refreshes()].count(200) == 1
