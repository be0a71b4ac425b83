"""Settings from a folder of secrets, and the address of the service."""

from __future__ import annotations

import os
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from oura_collector import settings
from oura_collector.service.web import Web, application
from oura_collector.settings import SettingsError
from pydantic import SecretStr

if TYPE_CHECKING:
    from .conftest import Collect

FROM_FILES = ("OURA_API_TOKEN", "DATABASE_PASSWORD", "DATABASE_USER", "DATABASE_PORT")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of secrets as Kubernetes mounts it: links by way of a folder that is swapped as a whole."""
    for name in FROM_FILES:
        monkeypatch.delenv(name, raising=False)
    mounted = tmp_path / "secrets"
    (mounted / "..2026_03_31").mkdir(parents=True)
    (mounted / "..data").symlink_to("..2026_03_31")
    monkeypatch.setenv("SECRETS_DIR", str(mounted))
    return mounted


def put(folder: Path, name: str, content: bytes) -> None:
    (folder / "..data" / name).write_bytes(content)
    (folder / name).symlink_to(f"..data/{name}")


def test_secrets_are_read_from_mounted_files(folder: Path) -> None:
    put(folder, "OURA_API_TOKEN", b"token-1\n")
    put(folder, "database_password", "pässword\r\n".encode())
    put(folder, "DATABASE_PORT", b"")
    put(folder, "username", b"\xff")
    (folder / "lost+found").mkdir()

    found = settings.read()

    assert found.oura_api_token == SecretStr("token-1")
    assert found.database_password == SecretStr("pässword")
    assert found.database_port == 5432
    assert found.database_user is None


@pytest.mark.parametrize("kind", ["folder", "outside", "dangling", "loop", "binary", "fifo", "unreadable"])
def test_an_unreadable_secret_is_one_line_without_its_value(
    folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "DATABASE_USER"
    outside = folder.parent / "outside"
    outside.write_text("secret")
    if kind == "folder":
        path.mkdir()
    elif kind == "binary":
        path.write_bytes(b"secret\xff")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "unreadable":
        path.write_text("secret")
        if os.geteuid() == 0:  # May read everything.
            monkeypatch.setattr("pathlib.Path.read_text", denied)
    else:
        targets: dict[str, str | Path] = {"outside": outside, "dangling": "nowhere", "loop": path}
        path.symlink_to(targets[kind])

    with pytest.raises(SettingsError) as raised:
        settings.read()

    assert str(raised.value).startswith("SECRETS_DIR: DATABASE_USER ")
    assert len(str(raised.value).splitlines()) == 1
    assert "secret\xff" not in str(raised.value)


def denied(*_: Any, **__: Any) -> NoReturn:
    raise PermissionError(13, "Permission denied")


@contextmanager
def listening(host: str) -> Iterator[Web]:
    unused: Any = None
    web = Web(application(unused, unused, dict, lambda: False), host, 0)
    web.start()
    yield web
    web.stop()


@pytest.mark.parametrize(("host", "url"), [("127.0.0.1", "http://127.0.0.1:"), ("::1", "http://[::1]:")])
def test_the_service_knows_the_url_it_listens_on(host: str, url: str) -> None:
    if host == "::1" and not has_ipv6():
        pytest.skip("needs IPv6")

    with listening(host) as web, urllib.request.urlopen(f"{web.url}/health/live") as answer:
        assert web.url == f"{url}{web.port}"
        assert answer.status == 200


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def test_listening_on_every_ipv6_address_includes_ipv4() -> None:
    if not (has_ipv6() and socket.has_dualstack_ipv6()):
        pytest.skip("needs IPv6")
    with listening("::") as web:
        for host in ("127.0.0.1", "[::1]"):
            with urllib.request.urlopen(f"http://{host}:{web.port}/health/live") as answer:
                assert answer.status == 200


@pytest.mark.parametrize("host", ["256.1.1.1", "[::1]", "no such host", "x" * 300, "::g", ".."])
def test_an_invalid_address_is_one_line(host: str) -> None:
    with (
        pytest.raises(SettingsError, match=r"PORT, LISTEN_HOST: port 0 of .* cannot be opened") as raised,
        listening(host),
    ):
        pass

    assert len(str(raised.value).splitlines()) == 1


def test_a_port_in_use_is_one_line_and_exit_code_2(collect: Collect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = collect("serve", PORT=port, OURA_API_TOKEN="token-1", DATABASE_HOST="127.0.0.1", DATABASE_PORT="1")

    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"collect.py: PORT, LISTEN_HOST: port {port} of 127.0.0.1")
    assert "Traceback" not in done.stderr


def test_the_service_listens_on_loopback_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LISTEN_HOST", raising=False)

    assert settings.read().listen_host == "127.0.0.1"
