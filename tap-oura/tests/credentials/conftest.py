"""A real simulator in a process of its own, and a vault in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from oura_simulator.testing import Running, running
from tap_oura.credentials.auth import AuthConfig, Credentials
from tap_oura.credentials.endpoints import Endpoints, token_urls
from tap_oura.credentials.files import Files
from tap_oura.credentials.record import ConfiguredCredentials, Record
from tap_oura.credentials.vault import Vault


class Oura(Running):
    """The simulator, in the words of these tests. Client 1 is one of the documented endpoint, client 2 of the newer."""

    def admin(self, route: str, /, **body: Any) -> Any:
        return self.call("POST", route, body)

    def expire(self, user: str) -> None:
        """End the account's access tokens at Oura, whatever we believe."""
        self.admin("expire", user=user)

    def refreshes(self, user: str | None = None) -> list[dict[str, Any]]:
        """The refresh requests that came in, oldest first."""
        return [
            request
            for request in self.requests()
            if request.get("grant_type") == "refresh_token" and user in (None, request["user"])
        ]

    def accepts(self, token: str) -> bool:
        answer = requests.get(
            f"{self.url}/v2/usercollection/personal_info", headers={"Authorization": f"Bearer {token}"}, timeout=10
        )
        return answer.status_code == 200

    def account(self, user: str) -> dict[str, Any]:
        return next(account for account in self.accounts if account["user"] == user)

    def seed(self, user: str, **changes: Any) -> Any:
        account = self.account(user)
        seed = ConfiguredCredentials(None, account["refresh_token"], account["client_id"], account["client_secret"])
        return replace(seed, **changes)


def kept(vault: Vault, user: str = "default") -> Record:
    """What a vault holds of an account, of which it must hold something."""
    record = vault.read(user)
    assert record is not None
    return record


@pytest.fixture(scope="session")
def one_simulator() -> Iterator[Oura]:
    with running(accounts=6, days=3, today="2026-03-31T20:00:00+00:00") as simulator:
        yield Oura(simulator.url, simulator.accounts)


@pytest.fixture
def oura(one_simulator: Oura) -> Oura:
    one_simulator.reset()
    return one_simulator


@pytest.fixture(scope="session")
def aws() -> Iterator[str]:
    """Secrets Manager as moto plays it, over real HTTP; its address."""
    server = pytest.importorskip("moto.server", reason="moto is not installed").ThreadedMotoServer(
        ip_address="127.0.0.1", port=0, verbose=False
    )
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def secrets(aws: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An AWS account without secrets: the address of its Secrets Manager."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    requests.post(f"{aws}/moto-api/reset", timeout=10)
    return aws


@pytest.fixture(params=["files", "secrets manager"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Both kinds of vault, one after the other."""
    if request.param == "files":
        return str(tmp_path / "credentials")
    return f"aws-secretsmanager://oura/accounts/?region=eu-west-1&endpoint_url={request.getfixturevalue('secrets')}"


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def vault(tmp_path: Path) -> Files:
    return Files(tmp_path / "credentials")


@pytest.fixture
def make(oura: Oura, vault: Files, clock: Clock) -> Any:
    """Make an account's credentials as a new process would: nothing remembered but what the vault holds."""

    def make(user: str = "user-1", seed: Any = None, **changes: Any) -> Any:
        urls = changes.pop("urls", token_urls(None, oura.url))
        endpoints = Endpoints(urls, connect=5, patience=changes.pop("patience", 5), pause=0.05)
        auth_config = AuthConfig(changes.pop("vault", vault), endpoints, login="collect.py login", clock=clock)
        return Credentials(user, oura.seed(user) if seed is None else seed, replace(auth_config, **changes))

    return make
