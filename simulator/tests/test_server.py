"""The command: a real process, a real socket."""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from oura_simulator.cli import parser
from starlette.routing import Route

if TYPE_CHECKING:
    from .conftest import Oura

COMMAND = (sys.executable, "-m", "oura_simulator", "serve")
README = Path(__file__).parent.parent / "README.md"


def run(*arguments: Any) -> Any:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=30)


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, Any]]:
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", "--json", "--today", "2026-04-15"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    yield json.loads(process.stdout.readline())
    process.terminate()
    process.wait(10)
    process.stdout.close()


@pytest.fixture
def connection(server: Any) -> Iterator[HTTPConnection]:
    made = http.client.HTTPConnection(server["url"].removeprefix("http://"), timeout=5)
    yield made
    # A test may have left an answer half read.
    made.close()
    made.request("POST", "/admin/reset")
    made.getresponse().read()
    made.close()


def ask(
    connection: HTTPConnection,
    path: str = "/v2/usercollection/daily_activity?start_date=2026-03-01&end_date=2026-03-20",
) -> Any:
    connection.request("GET", path, headers={"Authorization": "Bearer token-1"})
    return connection.getresponse()


def fault(connection: HTTPConnection, **body: Any) -> Any:
    connection.request("POST", "/admin/faults", json.dumps(body))
    assert connection.getresponse().read()


def test_json_output_has_the_address_and_the_accounts(server: Any) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", server["url"])
    assert [account["user"] for account in server["accounts"]] == ["user-1", "user-2"]
    assert server["accounts"][0]["token_url"] == f"{server['url']}/oauth/token"


def test_it_responds_as_soon_as_it_has_printed_its_address(server: Any, connection: HTTPConnection) -> None:
    assert ask(connection).status == 200


def test_a_dropped_connection_has_no_response(connection: HTTPConnection) -> None:
    fault(connection, kind="drop", times=1)

    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        ask(connection)
    connection.close()
    assert ask(connection).status == 200


def test_a_lost_token_response_is_logged_as_not_sent(server: Any, connection: HTTPConnection) -> None:
    fault(connection, kind="token_drop_after_rotation", times=1)
    account = server["accounts"][0]
    form = {name: account[name] for name in ("refresh_token", "client_id", "client_secret")}
    connection.request("POST", "/oauth/token", urlencode({"grant_type": "refresh_token", **form}))

    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        connection.getresponse()
    connection.close()
    connection.request("GET", "/admin/requests")
    assert json.load(connection.getresponse())[-1]["status"] is None


def test_a_truncated_response_ends_inside_the_json(connection: HTTPConnection) -> None:
    whole = ask(connection).read()
    fault(connection, kind="cut", times=1)
    answer = ask(connection)

    with pytest.raises(http.client.IncompleteRead) as cut:
        answer.read()
    assert answer.status == 200
    assert cut.value.partial == whole[: len(whole) // 2]


def test_a_timeout_hangs_and_then_closes_the_connection(connection: HTTPConnection) -> None:
    fault(connection, kind="timeout", seconds=0.3, times=1)
    started = time.monotonic()

    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        ask(connection)
    assert time.monotonic() - started >= 0.3


def test_a_broken_connection_affects_no_other(server: Any, connection: HTTPConnection) -> None:
    other = http.client.HTTPConnection(server["url"].removeprefix("http://"), timeout=5)
    fault(connection, kind="drop", user="user-1", times=1)

    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        ask(connection)
    assert ask(other).status == 200
    other.close()


def test_without_json_the_output_is_for_people() -> None:
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", "--accounts", "1", "--timezone", "Asia/Tokyo"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    lines = [process.stdout.readline() for _ in range(8)]
    process.terminate()
    process.wait(10)
    process.stdout.close()

    assert lines[0].startswith("http://127.0.0.1:")
    assert lines[1] == "user-1\n"
    assert lines[2].split() == ["token", "token-1"]
    assert lines[7].split() == ["timezone", "Asia/Tokyo"]


def test_ten_thousand_accounts_start_at_once() -> None:
    started = time.monotonic()
    process = subprocess.Popen([*COMMAND, "--port", "0", "--json", "--accounts", "10000"], stdout=subprocess.PIPE)
    assert process.stdout
    ready = json.loads(process.stdout.readline())
    took = time.monotonic() - started
    request = urllib.request.Request(
        f"{ready['url']}/v2/usercollection/personal_info", headers={"Authorization": "Bearer token-10000"}
    )
    with urllib.request.urlopen(request) as answer:
        body = json.load(answer)
    process.terminate()
    process.wait(10)
    process.stdout.close()

    assert body["id"] == "user-10000"
    assert took < 10


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--port", "many"], "--port"),
        (["--port", "70000"], "--port"),
        (["--accounts", "0"], "--accounts"),
        (["--days", "-1"], "--days"),
        (["--page-size", "0"], "--page-size"),
        (["--today", "yesterday"], "yesterday"),
        (["--timezone", "Mars/Olympus"], "Mars/Olympus"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments: Any, word: str) -> None:
    done = run(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert word in done.stderr


def test_a_port_in_use_is_one_line_and_exit_code_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("--port", str(taken.getsockname()[1]))

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "cannot listen" in done.stderr


def test_the_readme_lists_every_option_with_its_default() -> None:
    commands: Any = parser()._subparsers
    command = commands._group_actions[0].choices["serve"]
    known = {
        action.option_strings[0]: action.default for action in command._actions if action.option_strings[0] != "-h"
    }
    listed = dict(re.findall(r"^\| `(--[a-z-]+)` \| ([^|]+) \|", README.read_text(), re.MULTILINE))

    assert set(listed) == set(known)
    for option, default in known.items():
        if default not in (None, False):
            assert listed[option].strip() == str(default)


def test_the_readme_lists_every_fault_edit_and_admin_route(oura: Oura) -> None:
    from oura_simulator.edit_operations import OPERATIONS
    from oura_simulator.faults import KINDS

    text = README.read_text()
    routes = {
        f"`{method} {re.sub(r':int', '', route.path)}"
        for route in oura.app.routes
        if isinstance(route, Route) and route.methods and route.path.startswith("/admin")
        for method in route.methods - {"HEAD"}
    }

    assert not [route for route in routes if not re.search(re.escape(route) + r"[`?]", text)]
    assert not [word for word in (*KINDS, *OPERATIONS) if f"`{word}`" not in text]
