"""Which credentials a request carries, which environment variables apply, and how connections are reused."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tap_oura.accounts import Account, Static
from tap_oura.api.client import Client
from tap_oura.credentials import consent
from tap_oura.credentials.endpoints import Endpoints, token_urls
from tap_oura.credentials.oauth import Application, Endpoint
from tap_oura.errors import BrokenAnswer, Passing, TooSlow, Unreachable

REDIRECT = "http://localhost/?code=1&state=state"
GOOD = Account("me", Static("good"))
BAD = Account("me", Static("bad"))
APPLICATION = Application("client", "secret")
PASSWORD = "hunter2"


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "netrc"
    file.write_text(f"machine 127.0.0.1 login somebody password {PASSWORD}\ndefault login x password {PASSWORD}\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))


def client(url: str, **options: Any) -> Client:
    return Client(f"{url}/v2/usercollection", **{"timeout": 1, "retries": 0, "user_agent": "test", **options})


def own_id(url: str) -> Callable[[str], str]:
    return lambda token: client(url).own_id(Account(None, Static(token)))


@pytest.mark.usefixtures("netrc")
def test_netrc_does_not_replace_the_bearer_token(hostile: Any) -> None:
    client(f"{hostile.url}/good").get(GOOD, "personal_info")

    assert hostile.authorizations == ["Bearer good"]


@pytest.mark.usefixtures("netrc")
def test_netrc_adds_nothing_to_token_requests(hostile: Any) -> None:
    endpoints = Endpoints((f"{hostile.url}/good/oauth/token",))
    consent_request = consent.Request("", APPLICATION, "http://localhost/", "state")

    record = consent.first_record(endpoints, consent_request, REDIRECT, own_id(f"{hostile.url}/good"))
    endpoints.at(endpoints.urls[0]).refresh(APPLICATION, "old", lambda body: None)
    Endpoint(f"{hostile.url}/oauth/token").revoke(APPLICATION, "good")

    assert record.user_id == "me"
    assert hostile.authorizations == [None, "Bearer new", None, None]
    assert [("client_secret=secret" in request["body"]) for request in hostile.requests()] == [True, False, True, True]


@pytest.mark.usefixtures("netrc")
def test_only_configured_basic_credentials_are_sent(hostile: Any) -> None:
    Endpoint(f"{hostile.url}/good/oauth/token").refresh(
        Application("client", "secret", basic=True), "old", lambda body: None
    )

    assert hostile.authorizations == ["Basic " + base64.b64encode(b"client:secret").decode()]
    assert "secret" not in hostile.requests()[0]["body"]


def test_a_password_in_the_url_replaces_no_token_and_is_not_logged(hostile: Any, caplog: Any) -> None:
    url = hostile.url.replace("://", f"://somebody:{PASSWORD}@")
    endpoints = Endpoints(token_urls(None, f"{url}/good"), connect=1)
    consent_request = consent.Request(consent.page(None, url), APPLICATION, "http://localhost/", "state")

    with caplog.at_level("DEBUG"):
        client(f"{url}/good").get(GOOD, "personal_info")
        record = consent.first_record(endpoints, consent_request, REDIRECT, own_id(f"{url}/good"))
        with pytest.raises(Unreachable) as failure:
            client(url.rpartition(":")[0] + ":1").get(GOOD, "personal_info")

    assert hostile.authorizations == ["Bearer good", None, "Bearer new"]
    assert not any(PASSWORD in text for text in (caplog.text, repr(record), consent_request.url, str(failure.value)))


def test_a_proxy_of_the_environment_is_used(hostile: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", hostile.url)
    monkeypatch.delenv("no_proxy", raising=False)

    client("http://oura.invalid/good").get(GOOD, "personal_info")
    with pytest.raises(TooSlow):
        client("http://oura.invalid/drip_in_headers").get(BAD, "personal_info")

    monkeypatch.delenv("http_proxy")
    assert [request["headers"]["host"] for request in hostile.requests()] == ["oura.invalid"] * 2
    assert hostile.authorizations == ["Bearer good", "Bearer bad"]


def test_a_ca_of_the_environment_is_trusted_and_tls_has_the_same_bounds(
    hostile_at: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = certificate(tmp_path)
    with hostile_at(authority) as hostile:
        url = hostile.url
        with pytest.raises(Unreachable, match="SSLError"):
            client(f"{url}/good").get(GOOD, "personal_info")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
        assert client(f"{url}/good").get(GOOD, "personal_info") == {"id": "me"}
        for way, error in {"drip_in_headers": TooSlow, "drip_in_body": TooSlow, "bomb": BrokenAnswer}.items():
            with pytest.raises(error):
                client(f"{url}/{way}").get(BAD, "personal_info")


def certificate(folder: Path) -> Path:
    """Return the file with a certificate of 127.0.0.1, which has signed itself, and its key."""
    x509 = pytest.importorskip("cryptography.x509", reason="cryptography is not installed")
    from ipaddress import ip_address

    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    own = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "own.pem"
    file.write_bytes(
        own.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file


def connections(hostile: Any) -> set[int]:
    return {request["connection"] for request in hostile.requests()}


def test_a_connection_is_reused(hostile: Any) -> None:
    one = client(f"{hostile.url}/good")

    for _ in range(3):
        list(one.pages(GOOD, "heartrate", {}))

    assert len(connections(hostile)) == 1


@pytest.mark.parametrize("way", ["bomb", "drip_in_body", "drip_in_headers", "error_with_a_bomb"])
def test_a_connection_is_not_reused_after_a_truncated_response(way: str, hostile: Any) -> None:
    one = client(f"{hostile.url}/{way}")
    for _ in range(2):
        with pytest.raises((BrokenAnswer, Passing)):
            one.get(BAD, "heartrate")

    # The only connection of the pool was given back, or this would wait for ever.
    assert one.get(GOOD, "personal_info") == {"id": "me"}
    assert len(connections(hostile)) == 3


def test_cookies_of_one_account_are_not_sent_for_another(hostile: Any) -> None:
    one = client(f"{hostile.url}/cookie")
    for _ in range(2):
        one.get(BAD, "heartrate")

    assert ["cookie" in request["headers"] for request in hostile.requests()] == [False, False]
