"""`collect.py login`, `logout` and `status`, against the simulator's consent page and token endpoints."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from oura_simulator.testing import Running

from tests.programs import needs

if TYPE_CHECKING:
    from .conftest import Collect

BROWSER = Path(__file__).with_name("browser.py")
PROJECT = Path(__file__).resolve().parents[2]
with_browser = needs("chromium", "chromedriver")


def consent(page: str, user: str, decision: str = "allow", scopes: list[str] | None = None) -> str:
    """What a wearer does at the consent page, without a browser: return the address one would be sent to."""
    parameters = {name: values[-1] for name, values in parse_qs(urlsplit(page).query).items()}
    form = [(name, parameters[name]) for name in ("client_id", "redirect_uri", "state")]
    form += [("user", user), ("decision", decision)]
    form += [("scopes", scope) for scope in (scopes or parameters["scope"].split())]
    answer = requests.post(page, data=urlencode(form), allow_redirects=False, timeout=10)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


class Login:
    """A login that waits for the pasted address."""

    code: int | None = None

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(PROJECT / "collect.py"), "login", "--paste", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self.process.stdout
        self.page = next(line.strip() for line in self.process.stdout if line.strip().startswith("http"))

    def paste(self, address: str) -> int:
        self.output, self.errors = self.process.communicate(address + "\n", timeout=60)
        return self.process.returncode


@pytest.fixture
def log_in(environment: dict[str, str]) -> Callable[..., Login]:
    def log_in(user: str = "user-1", *arguments: str, **wishes: Any) -> Any:
        login = Login(environment, *arguments)
        login.code = login.paste(consent(login.page, user, **wishes))
        return login

    return log_in


@with_browser
def test_a_consent_in_the_browser_is_stored(collect: Collect, simulator: Running) -> None:
    done = collect("login", BROWSER=f"{sys.executable} {BROWSER} %s", CONSENT_UNTICK="heartrate spo2")

    assert done.returncode == 0, done.stderr
    assert "Logged in: user-1" in done.stdout
    assert "heartrate (heartrate)" in done.stdout
    assert "daily_spo2 (spo2)" in done.stdout
    assert "workout" not in done.stdout.partition("Without")[2]
    assert "user-1" in collect("status").stdout


@with_browser
def test_a_refusal_in_the_browser_is_reported(collect: Collect, environment: dict[str, str]) -> None:
    done = collect("login", BROWSER=f"{sys.executable} {BROWSER} %s", CONSENT_DECISION="deny")

    assert done.returncode == 2
    assert done.stderr.splitlines() == ["collect.py: login: the consent was refused; nothing was changed"]


def test_without_a_browser_the_redirect_address_can_be_pasted(
    log_in: Callable[..., Login], collect: Collect, environment: dict[str, str]
) -> None:
    login = log_in()

    assert login.code == 0, login.errors
    assert "Logged in: user-1" in login.output
    assert [path.name for path in Path(environment["DATA_DIR"], "credentials").glob("*.json")] == ["user-1.json"]


@pytest.mark.parametrize(
    ("pasted", "why"),
    [("", "the address has no 'state'"), ("http://[::1/callback?code=1", "this is not an address")],
)
def test_a_pasted_address_that_is_not_the_answer_is_one_line(
    environment: dict[str, str], pasted: str, why: str
) -> None:
    login = Login(environment)

    assert login.paste(pasted) == 2
    assert login.errors.splitlines() == [
        f"collect.py: login: {why}; paste the whole address, from http to its end, or run login again"
    ]


def test_a_redirect_with_another_state_is_refused(environment: dict[str, str]) -> None:
    login = Login(environment)

    code = login.paste(re.sub("state=[^&]+", "state=forged", consent(login.page, "user-1")))

    assert code == 2
    assert "its 'state' differs" in login.errors
    assert not Path(environment["DATA_DIR"], "credentials").exists()


def test_login_shows_granted_and_missing_scopes(log_in: Callable[..., Login]) -> None:
    login = log_in(scopes=["daily", "workout"])

    assert "Granted: daily workout" in login.output
    assert "heartrate (heartrate)" in login.output
    assert "daily_sleep" not in login.output.partition("Without")[2]


def test_a_named_account_refuses_the_consent_of_another_person(log_in: Callable[..., Login]) -> None:
    assert log_in("user-1", "--user", "account-1").code == 0

    login = log_in("user-2", "--user", "account-1")

    assert login.code == 2
    assert "'account-1' belongs to another wearer" in login.errors


def test_a_new_consent_takes_precedence_over_the_token_in_the_settings(
    log_in: Callable[..., Login],
    collect: Collect,
    environment: dict[str, str],
    simulator: Running,
) -> None:
    environment["OURA_REFRESH_TOKEN"] = "spent long ago"
    log_in()

    assert collect("status").stdout.splitlines() == ["1 account: 1 not collected yet: user-1"]
    assert "credentials   works" in collect("status", "--user", "user-1").stdout


def test_status_fails_and_names_accounts_that_must_consent_again(
    log_in: Callable[..., Login], collect: Collect, environment: dict[str, str]
) -> None:
    log_in("user-1", "--user", "account-1")
    log_in("user-2", "--user", "account-2")
    file = Path(environment["DATA_DIR"], "credentials", "account-2.json")
    file.write_text(file.read_text().replace('"user_id"', '"refused": "invalid_grant", "user_id"'))

    done = collect("status")

    assert done.returncode == 1
    summary, _, problem = done.stdout.splitlines()
    assert summary == "2 accounts: 1 not collected yet: account-1; 1 needs somebody: account-2"
    assert problem.startswith("account-2: its credentials are lost; log in: ")
    assert problem.endswith("collect.py login --user account-2")


def test_logout_revokes_and_deletes_the_grant(
    log_in: Callable[..., Login],
    collect: Collect,
    simulator: Running,
    environment: dict[str, str],
) -> None:
    log_in()

    done = collect("logout")

    assert done.stdout == "Logged out: user-1\n"
    assert [request["path"] for request in simulator.requests()][-1] == "/oauth/revoke"
    assert "No accounts yet" in collect("status").stdout


def test_the_user_mapping_names_the_accounts(collect: Collect) -> None:
    done = collect("status", MULTI_USER_MODE="true", USER_MAPPING="account-1: token-1\naccount-2: token-2\n")

    assert done.stdout.splitlines() == ["2 accounts: 2 not collected yet: account-1, account-2"]


@pytest.mark.parametrize(
    ("mapping", "errors"),
    [
        ("account-1 token-1", "USER_MAPPING: line 1 is not 'user: token'"),
        ("account-1: token-1, account-2: token-2", "USER_MAPPING: line 1 is not 'user: token'"),
        ("a: token-1\naccount-1:token-1;account-2:token-2", "USER_MAPPING: line 2 is not 'user: token'"),
        ("account-1: token-1\naccount-1: token-2", "USER_MAPPING: line 2 repeats an account; remove one of the lines"),
        ("", "USER_MAPPING: is empty although MULTI_USER_MODE is on"),
    ],
)
def test_an_invalid_user_mapping_is_one_line(collect: Collect, mapping: str, errors: str) -> None:
    done = collect("status", MULTI_USER_MODE="true", USER_MAPPING=mapping)

    assert done.returncode == 2
    assert errors in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "token-1" not in done.stderr


def test_secrets_may_be_files_in_a_folder(collect: Collect, tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "oura_api_token").write_text("token-1")

    assert "1 account: 1 not collected yet" in collect("status", SECRETS_DIR=str(folder)).stdout


def test_login_without_a_client_names_the_missing_settings(
    collect: Collect,
) -> None:
    done = collect("login", "--paste", OURA_CLIENT_SECRET=None)

    assert done.returncode == 2
    assert "set OURA_CLIENT_ID and OURA_CLIENT_SECRET" in done.stderr


def test_login_waits_for_a_refresh_in_progress(log_in: Callable[..., Login], environment: dict[str, str]) -> None:
    from tap_oura.credentials.stores import open_vault

    log_in("user-1", "--user", "account-1")
    login = Login(environment, "--user", "account-1")
    address = consent(login.page, "user-1")
    with open_vault(str(Path(environment["DATA_DIR"], "credentials"))).open("account-1") as entry:
        before = entry.record
        assert before is not None
        waiting = threading.Thread(target=lambda: setattr(login, "code", login.paste(address)))
        waiting.start()
        time.sleep(1)
        assert waiting.is_alive()
        entry.write(before)
    waiting.join(30)

    assert login.code == 0
    after = open_vault(str(Path(environment["DATA_DIR"], "credentials"))).read("account-1")
    assert after is not None
    assert after.access_token != before.access_token
