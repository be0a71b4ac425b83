"""`collect.py login` while it waits for the redirect: what ends the waiting, and what does not."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests

from .test_login import PROJECT, consent

if TYPE_CHECKING:
    from .conftest import Collect


class Waiting:
    """A login that waits for the redirect. Its browser shows nothing and stays open."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(PROJECT / "collect.py"), "login", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={
                **environment,
                "BROWSER": f"{sys.executable} -c 'import os, time; os.close(1); os.close(2); time.sleep(600)' %s",
            },
        )
        assert self.process.stdout
        self.page = next(line.strip() for line in self.process.stdout if line.strip().startswith("http"))
        self.at = urlsplit(environment["OURA_REDIRECT_URI"])

    def connection(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.at.port or 0), timeout=10)

    def end(self) -> tuple[int, list[str], str]:
        """Exit code, the output's lines after the link, errors."""
        output, errors = self.process.communicate(timeout=30)
        return self.process.returncode, [line for line in output.splitlines() if line], errors


@pytest.fixture
def waiting(environment: dict[str, str]) -> Iterator[Callable[..., Waiting]]:
    started: list[Waiting] = []

    def start(*arguments: str) -> Waiting:
        started.append(Waiting(environment, *arguments))
        return started[-1]

    yield start
    for each in started:
        os.killpg(each.process.pid, signal.SIGKILL)  # The browser too.
        each.process.communicate()


def test_a_redirect_to_a_loopback_address_is_received(waiting: Callable[..., Waiting]) -> None:
    login = waiting("--user", "account-1")
    answer = requests.get(consent(login.page, "user-2"), timeout=10)
    code, output, errors = login.end()

    assert code == 0, errors
    assert "Thank you" in answer.text
    assert "Logged in: account-1" in output


def test_spare_connections_of_a_browser_delay_no_login(waiting: Callable[..., Waiting]) -> None:
    login = waiting()
    with ExitStack() as held:
        for sent in [b""] * 100 + [b"GET /callback HTTP/1.1\r\n"] * 100:
            held.enter_context(login.connection()).sendall(sent)
        answer = requests.get(consent(login.page, "user-1"), timeout=10)
        code, output, errors = login.end()

    assert code == 0, errors
    assert "Thank you" in answer.text
    assert "Logged in: user-1" in output


def test_requests_that_are_not_the_answer_are_reported_once_and_ignored(waiting: Callable[..., Waiting]) -> None:
    login = waiting()
    url = consent(login.page, "user-1")
    own = f"{login.at.scheme}://{login.at.netloc}"
    statuses = [
        requests.get(other, timeout=10).status_code
        for other in [
            f"{own}/favicon.ico",
            f"{own}/another?key=planted",
            re.sub("state=[^&]+", "state=planted", url),
            re.sub("state=[^&]+", "state=planted", url) + "&error=access_denied",
            re.sub("state=[^&]+", "", url),
            re.sub("code=[^&]+", "", url),
        ]
    ]
    requests.get(url, timeout=10)
    code, output, errors = login.end()

    assert statuses == [404, 404, 400, 400, 400, 400]
    assert code == 0, errors
    ignored = [line for line in output if "ignored" in line]
    assert [line.partition(": ")[2] for line in ignored] == [
        "it is for another page",
        "the address is of another login (its 'state' differs)",
        "the address has no 'state'",
        "the address contains no code",
    ]
    assert "planted" not in "".join(output) + errors


@pytest.mark.parametrize(
    ("error", "why"),
    [
        ("access_denied", "the consent was refused; nothing was changed"),
        ("invalid_scope", "the consent page reports the error 'invalid_scope'"),
        ("%1b[2Jinvalid", "the consent page reports the error '\\x1b[2Jinvalid'"),
    ],
)
def test_an_answer_without_consent_ends_the_login(waiting: Callable[..., Waiting], error: str, why: str) -> None:
    login = waiting()
    requests.get(re.sub("code=[^&]+", f"error={error}", consent(login.page, "user-1")), timeout=10)
    code, _, errors = login.end()

    assert code == 2
    assert errors.splitlines() == [f"collect.py: login: {why}"]


@pytest.mark.parametrize(
    "redirect", ["http://localhost:99999/callback", "http://localhost:no/", "http://[::1/callback"]
)
def test_an_invalid_redirect_address_is_one_line(collect: Collect, redirect: str) -> None:
    done = collect("login", OURA_REDIRECT_URI=redirect)

    assert done.returncode == 2
    assert [line.partition(" (")[0] for line in done.stderr.splitlines()] == [
        "collect.py: OURA_REDIRECT_URI: not a URL"
    ]
