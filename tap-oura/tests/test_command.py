"""The command: what it shows without a network, how it reports bad settings, and what it never prints."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from oura_simulator.testing import Running, running
from tap_oura.catalog.collections import COLLECTIONS, DEFAULT_COLLECTIONS
from tap_oura.messages import STATE_SHARE
from tap_oura.settings import SETTINGS

# Port 9 of this machine answers nobody: whoever tries the network is found out.
NOWHERE = {"api_url": "http://127.0.0.1:9", "access_token": "a-planted-token"}


def tap(*arguments: str, config: Any = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command with a clean environment, the settings in a file, and return what came of it."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TAP_OURA")}
    source = [] if config is None else ["--config", "/dev/stdin"]
    return subprocess.run(
        [sys.executable, "-m", "tap_oura", *source, *arguments],
        input=json.dumps(config or {}),
        capture_output=True,
        text=True,
        check=False,
        env={**clean, **environment},
        cwd="/",
        timeout=120,
    )


def error_lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if line.startswith("tap-oura: ")]


def test_discover_needs_neither_network_nor_credentials() -> None:
    done = tap("--discover", config={"api_url": "http://127.0.0.1:9"})

    streams = [entry["stream"] for entry in json.loads(done.stdout)["streams"]]
    assert set(COLLECTIONS) - set(streams) == {"tag"}


def test_discover_lists_the_chosen_collections() -> None:
    done = tap("--discover", config={**NOWHERE, "collections": ["tag", "sleep"]})

    assert [entry["stream"] for entry in json.loads(done.stdout)["streams"]] == [
        "collection_days",
        "rejected_documents",
        "sleep",
        "tag",
        "collection_failures",
    ]


def test_state_messages_stay_a_fraction_of_the_output(tmp_path: Path) -> None:
    with running(accounts=30, days=3, today="2026-03-31T20:00:00+00:00") as simulator:
        done = tap(
            config={
                "api_url": simulator.url,
                "accounts": [{"user": each["user"], "access_token": each["token"]} for each in simulator.accounts],
                "start_date": "2026-03-29",
                "end_date": "2026-04-02",
                "token_store": str(tmp_path),
            }
        )

    lines = done.stdout.splitlines()
    numbers = [number for number, line in enumerate(lines) if json.loads(line)["type"] == "STATE"]
    assert len(numbers) > 3
    for before, number in itertools.pairwise(numbers[:-1]):
        assert sum(map(len, lines[before + 1 : number])) >= STATE_SHARE * len(lines[before])
    # The last one is said at the end whatever it costs, and knows of everything.
    assert numbers[-1] == len(lines) - 1
    bookmarks = json.loads(lines[-1])["value"]["bookmarks"]
    assert all(len(bookmarks[name]["partitions"]) == 30 for name in DEFAULT_COLLECTIONS)


def test_about_lists_every_setting() -> None:
    about = json.loads(tap("--about", "--format=json").stdout)

    assert SETTINGS.to_dict()["properties"].keys() <= about["settings"]["properties"].keys()


def test_test_mode_fails_if_oura_cannot_be_read() -> None:
    done = tap("--test", config={**NOWHERE, "max_retries": 0})

    assert done.returncode == 1
    assert "no complete response" in done.stderr


def test_test_mode_passes_for_a_working_account(simulator: Running, config: dict[str, Any]) -> None:
    assert tap("--test", config=config).returncode == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"collections": ["sleeep"]}, "collections: there is no collection 'sleeep'; the names are daily_activity,"),
        ({"collections": []}, "collections: the list is empty"),
        ({"start_date": "2024-02-01", "end_date": "2024-01-01"}, "start_date: 2024-02-01 is after end_date"),
        ({"start_date": "yesterday"}, "start_date: 'yesterday' is not a date; write it as 2024-01-31"),
        ({"end_date": "2024-02-30"}, "end_date: '2024-02-30' is not a date"),
        ({"lookback_days": -1}, "lookback_days: -1 is too small"),
        ({"timeout_seconds": 0}, "timeout_seconds: 0 is too small"),
        ({"shard_index": -1}, "shard_index: -1 is too small; the minimum is 0"),
        ({"shard_count": 0}, "shard_count: 0 is too small; the minimum is 1"),
        ({"shard_index": 4, "shard_count": 4}, "shard_index: 4 is too large; the first is 0, and with shard_count"),
        ({"shard_index": 1}, "shard_index: 1 is too large; the first is 0, and with shard_count 1 the last is 0"),
        ({"max_retries": "three"}, "max_retries: must be of type integer"),
        ({"api_url": "api.ouraring.com"}, "api_url: must begin with https://"),
        ({"access_token": None}, "no credentials: register an application at Oura, set client_id and client_secret"),
        (
            {"access_token": None, "client_id": "a", "client_secret": "b"},
            "no credentials: run: tap-oura login",
        ),
        (
            {"access_token": None, "client_id": "a", "client_secret": "b", "login_command": "log-in"},
            "no credentials: run: log-in",
        ),
        ({"access_token": 12345}, "access_token: must be of type string"),
        (
            {"accounts": [{"user": "user-1@example.com", "access_token": "x"}]},
            "accounts: the user of entry 1 must not be",
        ),
        ({"accounts": [{"user": "user-1"}]}, "accounts: 'user-1' has no credentials; register an application"),
        (
            {"accounts": [{"user": "user-1"}], "client_id": "a", "client_secret": "b", "login_command": "log-in"},
            "accounts: 'user-1' has no credentials; run: log-in --user user-1",
        ),
        ({"accounts": [{"access_token": "x"}]}, "accounts.0: needs user"),
        (
            {"accounts": [{"user": "user-1", "access_token": "x"}, {"user": "user-1", "access_token": "y"}]},
            "accounts: the user 'user-1' appears 2 times",
        ),
    ],
    ids=str,
)
def test_bad_settings_are_one_line_each_and_exit_code_2(settings: dict[str, Any], message: str) -> None:
    done = tap(config={**NOWHERE, **settings})

    assert done.returncode == 2
    assert [line for line in error_lines(done) if line.startswith(f"tap-oura: {message}")]
    assert "Traceback" not in done.stderr
    assert "12345" not in done.stderr


def test_a_missing_or_invalid_settings_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{oops")

    for name, message in (("absent.json", "there is no file"), ("broken.json", "is not JSON")):
        done = tap("--config", str(tmp_path / name))
        assert (done.returncode, len(error_lines(done))) == (2, 1)
        assert message in done.stderr
        assert "Traceback" not in done.stderr


def test_without_a_file_settings_are_read_from_the_environment(simulator: Running) -> None:
    done = tap(
        TAP_OURA_API_URL=simulator.url,
        TAP_OURA_ACCOUNTS='[{"user": "user-1", "access_token": "token-1"}]',
        TAP_OURA_COLLECTIONS='["daily_sleep"]',
        TAP_OURA_START_DATE="2026-03-20",
    )

    assert done.returncode == 0
    assert '"user_id":"user-1"' in done.stdout


@pytest.mark.parametrize("name", ["TAP_OURA_MAX_RETRIES", "TAP_OURA_ACCOUNTS"])
def test_an_invalid_environment_variable_is_one_line(name: str) -> None:
    done = tap(TAP_OURA_ACCESS_TOKEN="x", **{name: "[nonsense"})

    assert (done.returncode, len(error_lines(done))) == (2, 1)


def test_nothing_secret_is_in_records_state_or_logs(simulator: Running, config: dict[str, Any]) -> None:
    simulator.fault("scope_401", collection="daily_spo2")
    simulator.fault("status", code=500, collection="workout")
    accounts = [{"user": "user-1", "access_token": "token-1"}, {"user": "user-2", "access_token": "a-planted-token"}]
    (wearer,) = simulator.documents("user-1", "personal_info")

    done = tap(config={**config, "accounts": accounts, "max_retries": 0})

    output = done.stdout + done.stderr
    assert done.returncode == 1
    assert "token-1" not in output
    assert "a-planted-token" not in output
    # The address is a fact that Oura knows, so it is in its own record, and nowhere else.
    lines = [line for line in output.splitlines() if wearer["email"] in line]
    assert [json.loads(line)["stream"] for line in lines] == ["personal_info"]


def test_a_run_stopped_by_a_signal_is_no_success(simulator: Running, config: dict[str, Any]) -> None:
    simulator.fault("slow", ms=20_000, collection="sleep")
    command = [sys.executable, "-m", "tap_oura", "--config", "/dev/stdin"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd="/"
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps({**config, "collections": ["daily_sleep", "sleep"]}))
        process.stdin.close()
        while '"stream":"sleep"' not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGTERM)
        process.stdout.read()

    assert process.returncode == 128 + signal.SIGTERM


@pytest.mark.parametrize("name", ["TAP_OURA_ACCESS_TOKEN", "TAP_OURA_API_URL", "OURA_CLIENT_SECRET", "OURA_ACCOUNTS"])
def test_environment_bytes_that_are_not_utf_8_are_one_line(name: str) -> None:
    value = '[{"user": "pl\udcffanted"}]' if name == "OURA_ACCOUNTS" else "http://pl\udcffanted"
    token = {} if name == "OURA_ACCOUNTS" else {"TAP_OURA_ACCESS_TOKEN": "token"}

    done = tap(**{"TAP_OURA_API_URL": NOWHERE["api_url"], **token, name: value})

    assert done.returncode == 2
    setting = name.removeprefix("TAP_").removeprefix("OURA_").lower()
    assert done.stderr.splitlines()[-1] == f"tap-oura: {setting}: is not UTF-8 text; write it in that encoding"
    assert "anted" not in done.stderr


def test_a_lone_surrogate_in_the_settings_is_one_line() -> None:
    done = tap(config={**NOWHERE, "accounts": [{"user": "user-1\ud800", "access_token": "token"}]})

    assert (done.returncode, error_lines(done)) == (
        2,
        ["tap-oura: accounts: is not UTF-8 text; write it in that encoding"],
    )
