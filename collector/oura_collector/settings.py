"""All settings of the collector, read once from the environment, `.env` and a folder of secrets."""

from __future__ import annotations

import os
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, HttpUrl, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as SourceError
from tap_oura.shards import Shard
from tap_oura.text import is_text


def _project() -> Path:
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "meltano.yml").is_file():
        return checkout
    with suppress(FileNotFoundError):  # The current folder may have been removed.
        return Path.cwd()
    return checkout


PROJECT = _project()
"""The folder with `meltano.yml`: the checkout around this file, or for an installed package the current folder."""


class SettingsError(Exception):
    """A setting is invalid. The message is one line per problem: what, where, what to do."""


WHOLE = Shard(0, 1)


class Settings(BaseSettings):
    """One field per environment variable or file of secrets, with the same name; an empty one counts as unset."""

    model_config = SettingsConfigDict(env_file=PROJECT / ".env", env_ignore_empty=True, extra="ignore")

    storage_backend: Literal["postgres"] = Field("postgres", description="Where the data goes; the only value")
    database_url: SecretStr | None = Field(None, description="PostgreSQL as a URL; overrides the parts below")
    database_direct_url: SecretStr | None = Field(
        None, description="URL of the same database without the pooler, for what needs a session of its own"
    )
    database_host: str | None = Field(None, description="Host or socket folder; if unset, an embedded PostgreSQL")
    database_port: int = Field(5432, description="Port")
    database_name: str = Field("app", description="Database name")
    database_user: str | None = Field(None, description="User")
    database_password: SecretStr | None = Field(None, description="Password")
    database_sslmode: str = Field("prefer", description="libpq's sslmode, from disable to verify-full")
    database_sslrootcert: str | None = Field(None, description="File with the trusted CA certificates")
    data_dir: Path = Field(PROJECT / ".data", description="Folder for the embedded PostgreSQL and local files")

    oura_api_url: str = Field("https://api.ouraring.com", description="URL of Oura's API")
    oura_api_token: SecretStr | None = Field(
        None, description="A bearer token that you already have, for a single account"
    )
    oura_client_id: str | None = Field(None, description="Client id of the application registered at Oura")
    oura_client_secret: SecretStr | None = Field(None, description="Its client secret")
    oura_refresh_token: SecretStr | None = Field(None, description="First refresh token of a single account")
    oura_token_url: str | None = Field(
        None, description="Token endpoint, or several with commas; if unset, both of Oura's"
    )
    oura_token_store: str | None = Field(None, description="Folder for tokens, or aws-secretsmanager://name")
    oura_authorize_url: str | None = Field(None, description="Consent page; if unset, the older portal's")
    oura_redirect_uri: str = Field(
        "http://localhost:8765/callback", description="Redirect address, as registered at Oura"
    )
    tap_oura_sandbox: bool = Field(False, description="Whether to read Oura's sandbox, which needs no credentials")
    multi_user_mode: bool = Field(False, description="Whether USER_MAPPING names the accounts")
    user_mapping: SecretStr | None = Field(
        None, description="Lines of 'user: token', or 'user' alone if it is logged in"
    )
    days_to_backfill: int = Field(30, ge=1, le=10_000, description="Days that the first run collects")
    api_timeout: int = Field(30, ge=1, description="Seconds to wait for Oura")
    max_retries: int = Field(3, ge=0, description="Retries of a request after a transient error")
    collect_workouts: bool = Field(True, description="Whether workouts are collected")
    collect_tags: bool = Field(True, description="Whether tags are collected")

    shard_count: int = Field(1, ge=1, le=10_000, description="Number of collectors that divide the accounts")
    shard_index: int = Field(0, ge=0, description="Index of this collector among them, from 0")

    collection_interval: int = Field(
        3600, ge=1, description="Seconds from the start of one run to the start of the next"
    )
    port: int = Field(8080, ge=0, le=65535, description="Port of /health and /metrics; 0 picks a free one")
    listen_host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 or :: for all")
    enable_detailed_metrics: bool = Field(
        False, description="Whether to export metrics by account (as a digest) and collection too"
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="auto (text in a terminal, otherwise json), json or text"
    )
    stop_seconds: int = Field(25, ge=1, description="Seconds that a run has to finish its batch on SIGTERM")
    notify_webhook_url: HttpUrl | None = Field(None, description="Receives an event after a run with new data")
    notify_webhook_secret: SecretStr | None = Field(None, description="Key that signs the event")

    @model_validator(mode="before")
    @classmethod
    def _without_empty_files(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in given.items() if value != ""}

    @field_validator("shard_index")
    @classmethod
    def _is_a_shard(cls, index: int, info: ValidationInfo) -> int:
        count = info.data.get("shard_count")  # Missing where it is wrong itself.
        if count is not None and index >= count:
            text = "{index} is too large; with SHARD_COUNT {count} the last is {last}"
            raise PydanticCustomError("shard", text, {"index": index, "count": count, "last": count - 1})
        return index

    @property
    def shard(self) -> Shard:
        return Shard(self.shard_index, self.shard_count)


OF_OTHERS = ("TAP_OURA_", "MELTANO_", "DBT_", "PG", "AWS_", "SECRETS_DIR")
"""Prefixes of variables that this program or its child processes read in addition to the settings."""


def read(**overrides: Any) -> Settings:
    """Return the settings. Raises SettingsError; no value is quoted, because it may be a secret."""
    if not (PROJECT / "meltano.yml").is_file():
        raise SettingsError(f"there is no meltano.yml in {PROJECT}; run this in a checkout of the project")
    ours = {name: value for name, value in os.environ.items() if name.lower() in Settings.model_fields}
    theirs = {name: value for name, value in os.environ.items() if name.startswith(OF_OTHERS)}
    if damaged := [name for name, value in {**ours, **theirs}.items() if not is_text(value)]:
        raise SettingsError("\n".join(f"{name}: is not UTF-8 text; set it in that encoding" for name in damaged))
    folder = os.environ.get("SECRETS_DIR") or None
    if folder and not Path(folder).is_dir():
        raise SettingsError(f"SECRETS_DIR: the folder {folder} does not exist; create it or unset the variable")
    try:
        with warnings.catch_warnings():
            # A folder in a file's place, or a link that leads out of the folder, would be left out with a mere warning.
            warnings.simplefilter("error", UserWarning)
            return Settings(**{"_secrets_dir": folder, **overrides})
    except UnicodeDecodeError:
        raise SettingsError(".env: is not UTF-8 text; save it in that encoding") from None
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, problem['loc'])).upper()}: {problem['msg']}" for problem in error.errors()]
        raise SettingsError("\n".join(lines)) from None
    except SourceError as error:
        raise SettingsError(_unreadable(folder, error)) from None


def _unreadable(folder: str | None, error: SourceError) -> str:
    """One line about a file of secrets; the library's own words name the field, and their cause says why."""
    said = {OSError: "cannot be read", UnicodeDecodeError: "is not UTF-8 text"}
    what = next(
        (text for kind, text in said.items() if isinstance(error.__cause__, kind)), "is not a file in that folder"
    )
    name = str(error).partition('"')[2].partition('"')[0].upper()
    return f"SECRETS_DIR: {name} {what}; put a readable text file with that name into {folder}"
