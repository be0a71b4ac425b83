"""`tap-oura login`, against the simulator's consent page and token endpoints."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from tap_oura.credentials.files import Files

if TYPE_CHECKING:
    from .conftest import Oura


def consent(page: str, user: str, decision: str = "allow") -> str:
    """What a wearer does at the consent page, without a browser: return the address one would be sent to."""
    parameters = {name: values[-1] for name, values in parse_qs(urlsplit(page).query).items()}
    form = [(name, parameters[name]) for name in ("client_id", "redirect_uri", "state")]
    form += [("user", user), ("decision", decision)]
    form += [("scopes", scope) for scope in parameters["scope"].split()]
    answer = requests.post(page, data=urlencode(form), allow_redirects=False, timeout=10)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


class Tap:
    """The command with settings in a file, or with `variables` alone."""

    def __init__(self, folder: Path, **config: Any) -> None:
        self.store = Files(str(folder / "credentials"))
        self.file = folder / "config.json"
        self.config = {"token_store": str(folder / "credentials"), "start_date": "2026-03-29", **config}

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        self.file.write_text(json.dumps(self.config))
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("TAP_OURA", "OURA_"))}
        source = () if variables else ("--config", str(self.file))
        return subprocess.Popen(
            [sys.executable, "-m", "tap_oura", *arguments, *source],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**clean, **variables},
        )

    def call(self, *arguments: str) -> tuple[int, str, list[str]]:
        """Run to the end with nothing to read; return exit code, output and error lines."""
        process = self.start(*arguments)
        output, errors = process.communicate("", timeout=60)
        return process.returncode, output, own_lines(errors)

    def login(self, user: str, *arguments: str, decision: str = "allow", **variables: str) -> tuple[int, str, str]:
        """Log in as a wearer; return exit code, output and errors."""
        process = self.start("login", *arguments, **variables)
        output, errors = process.communicate(consent(page_of(process), user, decision) + "\n", timeout=60)
        return process.returncode, output, errors


def page_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return next(line.strip() for line in process.stdout if line.strip().startswith("http"))


def own_lines(errors: str) -> list[str]:
    assert "Traceback" not in errors
    return [line for line in errors.splitlines() if line.startswith("tap-oura: ")]


def client(oura: Oura, user: str) -> dict[str, Any]:
    account = oura.account(user)
    return {name: account[name] for name in ("client_id", "client_secret")}


@pytest.fixture
def tap(oura: Oura, tmp_path: Path) -> Tap:
    return Tap(tmp_path, api_url=oura.url, collections=["daily_sleep"], **client(oura, "user-1"))


def users(output: str) -> set[str]:
    messages = map(json.loads, output.splitlines())
    return {message["record"]["user_id"] for message in messages if message["type"] == "RECORD"}


def test_a_consent_is_all_that_the_tap_needs(tap: Tap) -> None:
    code, _, errors = tap.call()
    assert code == 2
    assert errors[0].endswith("no credentials: run: tap-oura login")

    code, output, log = tap.login("user-1")

    assert code == 0, log
    assert "Logged in: user-1\nGranted: daily" in output
    record = tap.store.read("user-1")
    assert record
    assert not [secret for secret in (record.access_token, record.refresh_token) if secret and secret in output + log]
    assert tap.config["client_secret"] not in output + log
    code, output, _ = tap.call()
    assert (code, users(output)) == (0, {"user-1"})


def test_the_settings_may_be_in_the_environment(tap: Tap, oura: Oura) -> None:
    variables = {f"TAP_OURA_{name}": str(tap.config[name.lower()]) for name in ("API_URL", "TOKEN_STORE", "CLIENT_ID")}

    code, output, log = tap.login("user-1", "--paste", OURA_CLIENT_SECRET=tap.config["client_secret"], **variables)

    assert (code, "Logged in: user-1" in output) == (0, True), log
    assert tap.store.users() == ["user-1"]


def test_an_account_of_the_list_uses_its_own_application(tap: Tap, oura: Oura) -> None:
    tap.config["accounts"] = [{"user": "me"}, {"user": "you", **client(oura, "user-2")}]

    assert tap.login("user-1", "--user", "me")[0] == 0
    assert tap.login("user-2", "--user", "you")[0] == 0

    code, output, _ = tap.call()
    assert (code, users(output)) == (0, {"me", "you"})


def test_an_account_that_the_list_does_not_name_is_pointed_out(tap: Tap) -> None:
    tap.config["accounts"] = [{"user": "me"}]

    _, output, _ = tap.login("user-1")

    assert "accounts does not name 'user-1': add it" in output


def test_a_new_consent_outlives_the_pair_in_the_settings(tap: Tap) -> None:
    tap.config["refresh_token"] = "spent long ago"
    assert tap.login("user-1")[0] == 0

    code, output, _ = tap.call()

    assert (code, users(output)) == (0, {"user-1"})


def test_a_lost_consent_names_the_command(tap: Tap, oura: Oura) -> None:
    assert tap.login("user-1", "--user", "me")[0] == 0
    oura.admin("revoke", user="user-1")

    process = tap.start()
    _, errors = process.communicate("", timeout=60)

    assert process.returncode == 1
    assert "run: tap-oura login --user me" in errors


def test_a_name_refuses_another_wearer(tap: Tap) -> None:
    assert tap.login("user-1", "--user", "me")[0] == 0
    before = tap.store.read("me")

    code, _, log = tap.login("user-2", "--user", "me")

    assert code == 2
    assert own_lines(log) == [
        "tap-oura: login: 'me' belongs to another wearer; log it out first, or choose another name"
    ]
    assert tap.store.read("me") == before


def test_a_refusal_stores_nothing(tap: Tap) -> None:
    code, _, log = tap.login("user-1", decision="deny")

    assert code == 2
    assert own_lines(log) == ["tap-oura: login: the consent was refused; nothing was changed"]
    assert tap.store.users() == []


@pytest.mark.parametrize(
    ("pattern", "instead"), [("state=[^&]+", "state=forged"), ("code=[^&]+", "code=used"), ("^.*$", "")]
)
def test_a_wrong_address_is_one_line_that_does_not_repeat_it(tap: Tap, pattern: str, instead: str) -> None:
    process = tap.start("login")
    address = re.sub(pattern, instead, consent(page_of(process), "user-1"))
    output, log = process.communicate(address + "\n", timeout=60)

    assert process.returncode == 2
    (line,) = own_lines(log)
    assert line.startswith("tap-oura: login: ")
    assert not [code for code in parse_qs(urlsplit(address).query).get("code", []) if f"={code}" in output + log]
    assert tap.store.users() == []


@pytest.mark.parametrize(
    ("arguments", "config", "line"),
    [
        (["login"], {}, "login: no address was pasted; nothing was changed"),
        (["login"], {"client_secret": None}, "login: set client_id and client_secret"),
        (["login"], {"sandbox": True}, "login: the sandbox accepts any token"),
        (["login"], {"api_url": "nowhere"}, "api_url: "),
        (["login", "--user", "me@example.org"], {}, "--user: choose a name that is not an e-mail address"),
        (["login", "--user", " "], {}, "--user: choose a name"),
        (["login", "--redirect-uri", "localhost"], {}, "--redirect-uri: must begin with http"),
        (["login", "--authorize-url", "file:///etc"], {}, "--authorize-url: must begin with http"),
        (["--user", "me"], {}, "--user and --paste are for 'tap-oura login'"),
    ],
)
def test_wrong_usage_is_one_line(tap: Tap, arguments: list[str], config: dict[str, Any], line: str) -> None:
    tap.config |= config

    code, _, errors = tap.call(*arguments)

    assert code == 2
    assert [error.startswith(f"tap-oura: {line}") for error in errors] == [True], errors
    assert tap.store.users() == []
