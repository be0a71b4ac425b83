"""Refreshes, with every response that Oura's token endpoints may give."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from tap_oura.credentials.auth import Credentials
from tap_oura.credentials.files import Files
from tap_oura.credentials.record import ConfiguredCredentials
from tap_oura.errors import ConsentLost, RefreshFailed

from .conftest import kept

if TYPE_CHECKING:
    from .conftest import Clock, Oura

DAY = 86400
LOST = r"the consent is lost: .*; run: collect\.py login --user user-1"


@pytest.mark.parametrize("user", ["user-1", "user-2"])
def test_the_endpoint_that_knows_the_client_is_found_and_remembered(
    oura: Oura, make: Callable[..., Credentials], vault: Files, clock: Clock, user: str
) -> None:
    token = make(user).token()
    clock.now += 40 * DAY
    make(user).token()

    assert oura.accepts(token)
    first, *second = [request["path"] for request in oura.refreshes() if request["status"] == 200]
    assert second == [first]
    assert len(oura.refreshes()) <= 3
    assert kept(vault, user).endpoint == oura.url + first


def test_the_client_may_authenticate_with_http_basic(oura: Oura, make: Callable[..., Credentials]) -> None:
    assert oura.accepts(make(basic=True).token())


def test_a_token_is_used_until_shortly_before_it_expires(
    oura: Oura, make: Callable[..., Credentials], clock: Clock
) -> None:
    oura.admin("oauth", expires_in=DAY)
    first = make().token()

    clock.now += DAY - 301
    assert make().token() == first
    clock.now += 2
    assert make().token() != first
    assert len([request for request in oura.refreshes() if request["status"] == 200]) == 2


def test_without_expires_in_a_token_is_used_until_it_is_rejected(
    oura: Oura, make: Callable[..., Credentials], clock: Clock
) -> None:
    oura.admin("oauth", expires_in=None)
    credentials = make()
    first = credentials.token()
    clock.now += 1000 * DAY

    assert make().token() == first
    again = make()
    assert again.renew(again.token())
    assert oura.accepts(again.token())


def test_a_rejected_token_is_refreshed_once_per_process(oura: Oura, make: Callable[..., Credentials]) -> None:
    credentials = make()
    credentials.token()
    another = make()

    assert another.renew(another.token())
    assert not another.renew(another.token())
    assert len([request for request in oura.refreshes() if request["status"] == 200]) == 2


def test_a_token_that_another_process_refreshed_is_read_from_the_vault(
    oura: Oura, make: Callable[..., Credentials]
) -> None:
    early, late = make(), make()
    rejected = early.token()
    late.renew(late.token())

    assert early.renew(rejected)
    assert early.token() == late.token()


def test_scopes_lose_the_prefix_of_the_newer_provider(
    oura: Oura, make: Callable[..., Credentials], vault: Files
) -> None:
    make("user-2").token()

    scopes = kept(vault, "user-2").scopes
    assert scopes is not None
    assert "daily" in scopes
    assert not any(scope.startswith("extapi:") for scope in scopes)


def test_a_response_lost_after_the_rotation_is_reported_and_not_requested_again(
    oura: Oura, make: Callable[..., Credentials]
) -> None:
    oura.fault("token_drop_after_rotation", path="/oauth/token", times=1)

    for _ in range(3):
        with pytest.raises(ConsentLost, match=LOST):
            make().token()
    assert [request["path"] for request in oura.refreshes()].count("/oauth/token") == 1


def test_the_other_endpoint_is_never_tried_after_a_lost_response(oura: Oura, make: Callable[..., Credentials]) -> None:
    oura.fault("token_drop_after_rotation", path="/oauth/v2/ext/oauth-token", times=1)

    with pytest.raises(ConsentLost):
        make("user-2").token()
    assert len(oura.refreshes("user-2")) == 1


def test_after_a_lost_response_the_old_token_is_used_until_it_expires(
    oura: Oura, make: Callable[..., Credentials], clock: Clock
) -> None:
    oura.admin("oauth", expires_in=DAY)
    old = make().token()
    clock.now += DAY - 100
    oura.fault("token_drop_after_rotation")

    assert make().token() == old
    clock.now += 101
    with pytest.raises(ConsentLost):
        make().token()


def test_a_server_error_is_retried_once(oura: Oura, make: Callable[..., Credentials]) -> None:
    oura.fault("token_before", path="/oauth/token", times=1)

    assert oura.accepts(make(urls=(f"{oura.url}/oauth/token",)).token())
    assert [request["status"] for request in oura.refreshes()] == [503, 200]


def test_lasting_server_errors_stop_after_two_attempts_and_lose_nothing(
    oura: Oura, make: Callable[..., Credentials]
) -> None:
    oura.fault("token_status", code=500)
    credentials = make()

    for _ in range(3):
        with pytest.raises(RefreshFailed, match="nothing is lost, the next run tries again"):
            credentials.token()
    assert [request["status"] for request in oura.refreshes()] == [500, 500]
    oura.clear_faults()
    assert oura.accepts(make().token())


@pytest.mark.parametrize(("user", "down"), [("user-1", "modern"), ("user-2", "legacy")])
def test_a_failing_endpoint_does_not_affect_the_others_clients(
    oura: Oura, make: Callable[..., Credentials], user: str, down: Any
) -> None:
    oura.fault("one_endpoint_down", endpoint=down)

    assert oura.accepts(make(user).token())


@pytest.mark.parametrize(("user", "down"), [("user-1", "legacy"), ("user-2", "modern")])
def test_a_failing_own_endpoint_fails_the_run_but_keeps_the_consent(
    oura: Oura, make: Callable[..., Credentials], user: str, down: Any
) -> None:
    oura.fault("one_endpoint_down", endpoint=down)

    with pytest.raises(RefreshFailed, match="nothing is lost"):
        make(user).token()
    oura.clear_faults()
    assert oura.accepts(make(user).token())


def test_a_refused_connection_counts_as_not_sent(oura: Oura, make: Callable[..., Credentials]) -> None:
    with pytest.raises(RefreshFailed, match="nothing is lost"):
        make(urls=("http://127.0.0.1:9/oauth/token",)).token()
    assert oura.accepts(make().token())


def test_an_unreachable_endpoint_is_skipped(oura: Oura, make: Callable[..., Credentials]) -> None:
    assert oura.accepts(make(urls=("http://127.0.0.1:9/oauth/token", f"{oura.url}/oauth/token")).token())


def test_a_revoked_grant_is_reported_and_not_refreshed_again(oura: Oura, make: Callable[..., Credentials]) -> None:
    make().token()
    oura.admin("revoke", user="user-1")

    for _ in range(3):
        another = make()
        with pytest.raises(ConsentLost, match=r"Oura has ended it \(invalid_grant\); run: collect\.py login"):
            another.renew(another.token())
    assert [request["status"] for request in oura.refreshes()].count(400) == 1


def test_a_wrong_client_secret_is_reported_and_loses_nothing(oura: Oura, make: Callable[..., Credentials]) -> None:
    with pytest.raises(RefreshFailed, match="check client_id, client_secret and token_url"):
        make(seed=oura.seed("user-1", client_secret="mistyped")).token()
    assert oura.accepts(make().token())


def test_a_rotated_client_secret_is_used_by_the_next_process(
    oura: Oura, make: Callable[..., Credentials], clock: Clock
) -> None:
    make(seed=oura.seed("user-1")).token()
    clock.now += 40 * DAY

    with pytest.raises(RefreshFailed):
        make(seed=oura.seed("user-1", client_secret="the old one")).token()
    assert oura.accepts(make(seed=oura.seed("user-1")).token())


def test_a_token_that_cannot_be_stored_is_not_refreshed(
    oura: Oura, make: Callable[..., Credentials], vault: Files
) -> None:
    vault.folder.parent.mkdir(exist_ok=True)
    vault.folder.write_text("a file where the folder should be")

    with pytest.raises(Exception, match="token_store"):
        make().token()
    assert oura.refreshes() == []


def test_a_token_without_a_refresh_token_is_used_as_it_is(
    oura: Oura, make: Callable[..., Credentials], vault: Files
) -> None:
    credentials = make(seed=ConfiguredCredentials("token-1"))

    assert credentials.token() == "token-1"
    assert not credentials.renew("token-1")
    assert not vault.folder.exists()


def test_no_secret_is_in_the_message_of_a_failure(
    oura: Oura, make: Callable[..., Credentials], caplog: pytest.LogCaptureFixture
) -> None:
    oura.fault("token_drop_after_rotation")
    seed = oura.seed("user-1")

    with caplog.at_level("DEBUG"), pytest.raises(ConsentLost) as failure:
        make().token()
    output = caplog.text + repr(failure.value) + repr(make()._auth_config) + repr(seed) + repr(make().record)
    assert seed.refresh_token not in output
    assert seed.client_secret not in output
