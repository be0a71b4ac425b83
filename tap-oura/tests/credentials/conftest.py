"""A real simulator in a process of its own, and a vault in a folder."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from tap_oura.credentials.auth import Credentials, Terms
from tap_oura.credentials.endpoints import Endpoints, token_urls
from tap_oura.credentials.files import Files
from tap_oura.credentials.record import Seed

ACCOUNTS = 6
DAY = 86400


class Oura:
    """The simulator, in the words of the tests. Client 1 belongs to the documented endpoint, client 2 to the newer."""

    def __init__(self, url, accounts):
        self.url = url
        self.accounts = {account["user"]: account for account in accounts}

    def admin(self, method, path, /, **body):
        answer = requests.request(method, f"{self.url}/admin/{path}", json=body or None, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fault(self, kind, **options):
        self.admin("POST", "faults", kind=kind, **options)

    def well(self):
        self.admin("DELETE", "faults")

    def expire(self, user):
        """End the account's access tokens at Oura, whatever we believe."""
        self.admin("POST", "expire", user=user)

    def refreshes(self, user=None):
        """The refresh requests that came in, oldest first."""
        return [
            request
            for request in self.admin("GET", "requests")
            if request.get("grant_type") == "refresh_token" and user in (None, request["user"])
        ]

    def accepts(self, token):
        answer = requests.get(
            f"{self.url}/v2/usercollection/personal_info", headers={"Authorization": f"Bearer {token}"}, timeout=10
        )
        return answer.status_code == 200

    def seed(self, user, **changes):
        account = self.accounts[user]
        seed = Seed(None, account["refresh_token"], account["client_id"], account["client_secret"])
        return replace(seed, **changes)


@contextmanager
def simulator(*arguments):
    program = str(Path(sys.executable).with_name("oura-simulator"))
    process = subprocess.Popen(
        [program, "serve", "--port", "0", "--json", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        ready = json.loads(process.stdout.readline())
        yield Oura(ready["url"], ready["accounts"])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="session")
def one_simulator():
    with simulator("--accounts", str(ACCOUNTS), "--days", "3") as oura:
        yield oura


@pytest.fixture
def oura(one_simulator):
    one_simulator.admin("POST", "reset")
    one_simulator.admin("DELETE", "requests")
    return one_simulator


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, now=1_800_000_000.0):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def vault(tmp_path):
    return Files(tmp_path / "credentials")


@pytest.fixture
def make(oura, vault, clock):
    """Make an account's credentials as a new process would: nothing remembered but what the vault holds."""

    def make(user="user-1", seed=None, **changes):
        urls = changes.pop("urls", token_urls(None, oura.url))
        endpoints = Endpoints(urls, connect=5, patience=changes.pop("patience", 5), pause=0.05)
        terms = Terms(changes.pop("vault", vault), endpoints, login="collect.py login", clock=clock)
        return Credentials(user, oura.seed(user) if seed is None else seed, replace(terms, **changes))

    return make
