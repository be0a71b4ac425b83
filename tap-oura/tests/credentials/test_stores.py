"""What both kinds of vault promise, and what is particular to each."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from tap_oura.accounts import auth_config, configured, from_environment
from tap_oura.credentials.auth import Credentials
from tap_oura.credentials.record import ConfiguredCredentials, Record
from tap_oura.credentials.stores import open_vault
from tap_oura.credentials.vault import StoreFailed, Vault
from tap_oura.errors import SettingsError

from .conftest import kept

if TYPE_CHECKING:
    from .conftest import Oura

RECORD = Record("access", "refresh", expires_at=5.0, scopes=("daily",))


def write(vault: Vault, user: str, record: Record = RECORD) -> None:
    with vault.open(user) as entry:
        entry.write(record)


def names(location: str, **settings: Any) -> list[str]:
    config = {"api_url": "http://localhost", "timeout_seconds": 5, "user_agent": "test", "token_store": location}
    config |= settings
    return [account.label for account in configured(config, auth_config(config, lambda: 0.0))]


def current(client: Any, name: str) -> Any:
    # Named because moto, unlike AWS, takes the newest version where no label is asked for.
    return json.loads(client.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")["SecretString"])


class TestBoth:
    def test_a_stored_record_is_read_by_the_next_process(self, location: str) -> None:
        write(open_vault(location), "user-1")

        assert open_vault(location).read("user-1") == RECORD
        assert open_vault(location).read("user-2") is None

    def test_every_entry_of_a_store_is_an_account(self, location: str) -> None:
        for user in ("user-1", "user-2 of the north", "../user-2", "user.name"):
            write(open_vault(location), user)

        assert open_vault(location).users() == sorted(["user-1", "user-2 of the north", "../user-2", "user.name"])
        assert sorted(names(location)) == open_vault(location).users()

    def test_a_removed_record_is_gone(self, location: str) -> None:
        write(open_vault(location), "user-1")
        with open_vault(location).open("user-1") as entry:
            entry.remove()

        assert open_vault(location).read("user-1") is None
        assert names(location) == []

    def test_an_account_of_the_settings_is_not_read_from_the_store_again(self, location: str) -> None:
        write(open_vault(location), "user-1", Record("a", "r", from_settings=True))
        write(open_vault(location), "user-2")

        assert names(location) == ["user-2"]
        assert names(location, accounts=[{"user": "user-1"}]) == ["user-1"]


class TestFiles:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path / "deep" / "credentials"

    def test_only_the_owner_can_read_the_store(self, folder: Path) -> None:
        write(open_vault(str(folder)), "user-1")

        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}

    def test_an_account_name_cannot_leave_the_folder(self, folder: Path) -> None:
        write(open_vault(str(folder)), "../../escape")

        assert [path.parent for path in folder.parent.parent.rglob("*escape*.json")] == [folder]

    def test_a_half_written_draft_is_discarded(self, folder: Path) -> None:
        write(open_vault(str(folder)), "user-1")
        (folder / "user-1.json.new").write_text('{"access_token": "hal')

        with open_vault(str(folder)).open("user-1") as entry:
            assert entry.record == RECORD
        assert not (folder / "user-1.json.new").exists()

    @pytest.mark.parametrize("text", ["no JSON, secret", "[]", '{"refresh_token": 5}', '{"pair": null, "sent": {}}'])
    def test_a_broken_file_is_named_without_its_content(self, folder: Path, text: str) -> None:
        folder.mkdir(parents=True)
        (folder / "user-1.json").write_text(text)
        if "sent" in text:
            (folder / "user-1.json").write_text('{"pair": null, "sent": {"x": 1}}')

        with pytest.raises(StoreFailed, match=r"user-1\.json.*repair or remove it") as failure:
            open_vault(str(folder)).read("user-1")
        assert "secret" not in str(failure.value)


class TestSecretsManager:
    @pytest.fixture
    def client(self, secrets: str) -> Any:
        return boto3.client("secretsmanager", region_name="eu-west-1", endpoint_url=secrets)

    @pytest.fixture
    def at(self, secrets: str) -> Callable[[str], str]:
        return lambda name: f"aws-secretsmanager://{name}?region=eu-west-1&endpoint_url={secrets}"

    def test_a_secret_in_the_settings_format_is_one_account(self, client: Any, at: Callable[[str], str]) -> None:
        client.create_secret(Name="oura/api-credentials", SecretString='{"OURA_API_TOKEN": "token"}')

        assert names(at("oura/api-credentials")) == ["the only account"]
        assert kept(open_vault(at("oura/api-credentials"))).access_token == "token"

    def test_a_rotated_token_pair_is_written_to_the_keys_it_came_from(
        self, client: Any, at: Callable[[str], str], oura: Oura, make: Callable[..., Credentials]
    ) -> None:
        account = oura.account("user-1")
        secret = {f"OURA_{name.upper()}": account[name] for name in ("client_id", "client_secret", "refresh_token")}
        client.create_secret(Name="oura/user-1", SecretString=json.dumps({**secret, "note": "of the kitchen ring"}))
        vault = open_vault(at("oura/user-1"))

        token = make("default", seed=ConfiguredCredentials(), vault=vault).token()

        now = current(client, "oura/user-1")
        assert oura.accepts(token)
        assert now["OURA_REFRESH_TOKEN"] != secret["OURA_REFRESH_TOKEN"]
        assert now["access_token"] == token
        assert (now["OURA_CLIENT_SECRET"], now["note"]) == (secret["OURA_CLIENT_SECRET"], "of the kitchen ring")
        assert kept(vault).refresh_token == now["OURA_REFRESH_TOKEN"]

    def test_a_client_secret_rotated_during_a_refresh_is_kept(self, client: Any, at: Callable[[str], str]) -> None:
        client.create_secret(
            Name="oura/user-1", SecretString='{"OURA_REFRESH_TOKEN": "r", "OURA_CLIENT_SECRET": "old"}'
        )
        with open_vault(at("oura/user-1")).open("default") as entry:
            client.put_secret_value(
                SecretId="oura/user-1", SecretString='{"OURA_REFRESH_TOKEN": "r", "OURA_CLIENT_SECRET": "new"}'
            )
            entry.write(Record("a2", "r2", None, "old"))

        now = current(client, "oura/user-1")
        assert (now["OURA_REFRESH_TOKEN"], now["OURA_CLIENT_SECRET"]) == ("r2", "new")

    def test_several_accounts_in_one_secret_share_a_client(self, client: Any, at: Callable[[str], str]) -> None:
        content = {
            "OURA_CLIENT_ID": "id",
            "accounts": {"user-1": {"OURA_REFRESH_TOKEN": "a"}, "user-2": {"client_id": "own"}},
        }
        client.create_secret(Name="oura/all", SecretString=json.dumps(content))
        vault = open_vault(at("oura/all"))
        write(vault, "user-1", Record("x", "y"))

        assert vault.users() == ["user-1", "user-2"]
        assert (kept(vault, "user-1").client_id, kept(vault, "user-2").client_id) == ("id", "own")
        assert kept(vault, "user-1").refresh_token == "y"

    def test_logout_keeps_the_client_in_its_secret(self, client: Any, at: Callable[[str], str]) -> None:
        client.create_secret(Name="oura/user-1", SecretString='{"OURA_REFRESH_TOKEN": "r", "OURA_CLIENT_ID": "id"}')
        with open_vault(at("oura/user-1")).open("default") as entry:
            entry.remove()

        assert current(client, "oura/user-1") == {"OURA_CLIENT_ID": "id"}
        assert names(at("oura/user-1")) == []

    def test_an_error_of_aws_is_one_line(self, monkeypatch: pytest.MonkeyPatch, at: Callable[[str], str]) -> None:
        with pytest.raises(StoreFailed, match=r"token_store: cannot .* at AWS"):
            open_vault("aws-secretsmanager://x?region=eu-west-1&endpoint_url=http://127.0.0.1:9").read("user-1")

    @pytest.mark.parametrize("location", ["aws-secretsmanager://", "aws-secretsmanager://x?regoin=y"])
    def test_an_invalid_store_address_is_reported(self, location: str) -> None:
        with pytest.raises(StoreFailed, match="write aws-secretsmanager://name"):
            open_vault(location)


class TestEnvironment:
    def test_missing_settings_are_read_from_the_environment(self) -> None:
        output = from_environment({}, {"OURA_REFRESH_TOKEN": "r", "OURA_CLIENT_ID": "i", "OURA_ACCOUNTS": ""})

        assert output == {"refresh_token": "r", "client_id": "i"}

    def test_a_token_pair_of_the_settings_is_not_mixed_with_the_environments(self) -> None:
        output = from_environment({"access_token": "a"}, {"OURA_REFRESH_TOKEN": "r", "OURA_CLIENT_ID": "i"})

        assert output == {"client_id": "i"}

    def test_accounts_that_are_not_json_are_reported(self) -> None:
        with pytest.raises(SettingsError, match="OURA_ACCOUNTS: is not JSON"):
            from_environment({}, {"OURA_ACCOUNTS": "user-1: token"})
