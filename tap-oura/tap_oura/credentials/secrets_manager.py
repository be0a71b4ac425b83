"""AWS Secrets Manager as a vault: `aws-secretsmanager://<secret>[?region=…&profile=…&endpoint_url=…]`.

A secret holds one account (`{"OURA_API_TOKEN": …}` or `{"OURA_CLIENT_ID": …, "OURA_CLIENT_SECRET": …,
"OURA_REFRESH_TOKEN": …}`) or several (`{"accounts": {"user-1": {…}, "user-2": {…}}}`, which may share the client's
credentials above); a name that ends with `/` is a prefix with one secret per account below it.

There is no lock across machines, but a compare-and-swap: a new version is stored as a draft, then the label
AWSCURRENT moves to it from exactly the version that was read. If another writer was faster, it is read again.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import fields
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote
from uuid import uuid4

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from tap_oura.credentials.record import Record, from_json, plain
from tap_oura.credentials.vault import DEFAULT, Overtaken, StoreFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEME = "aws-secretsmanager://"
OPTIONS = ("region", "profile", "endpoint_url")
CURRENT, DRAFT = "AWSCURRENT", "oura-draft"
CLIENT = ("client_id", "client_secret")
"""What the accounts of one secret may have in common, and what people rotate in it while we run."""
OURS = {item.name for item in fields(Record)} - set(CLIENT) | {"pair"}
MISSING = "ResourceNotFoundException"

Secret = dict[str, Any]


class SecretsManager:
    """A vault in one secret, or in all secrets below a prefix."""

    exclusive = False

    def __init__(self, location: str) -> None:
        name, _, query = location.removeprefix(SCHEME).partition("?")
        self.name = unquote(name)
        given = {key: values[-1] for key, values in parse_qs(query).items()}
        if not self.name or (unknown := set(given) - set(OPTIONS)):
            what = f"unknown: {', '.join(sorted(unknown))}" if self.name else "the secret's name is missing"
            raise StoreFailed(f"token_store: {what}; write {SCHEME}name?region=eu-west-1 (or profile, endpoint_url)")
        self._options = given
        if self.name.startswith("arn:"):
            self._options.setdefault("region", self.name.split(":")[3])

    @cached_property
    def client(self) -> Any:
        region, profile, endpoint = (self._options.get(name) for name in OPTIONS)
        with _told("connect"):
            session = boto3.Session(region_name=region, profile_name=profile)
            return session.client("secretsmanager", endpoint_url=endpoint)

    @property
    def _is_prefix(self) -> bool:
        return self.name.endswith("/")

    def users(self) -> list[str]:
        if self._is_prefix:
            named = [{"Key": "name", "Values": [self.name]}]
            with _told(f"list {self.name}"):
                pages = self.client.get_paginator("list_secrets").paginate(Filters=named)
                names = [secret["Name"] for page in pages for secret in page["SecretList"]]
            return sorted(name.removeprefix(self.name) for name in names if name.startswith(self.name))
        secret, _ = self.fetch(self.name)
        if secret is None:
            return []
        return sorted(secret["accounts"]) if _holds_several(secret) else [DEFAULT]

    def read(self, user: str) -> Record | None:
        name = self.secret_of(user)
        return _record(name, self.fetch(name)[0], user)

    @contextmanager
    def open(self, user: str) -> Iterator[SecretEntry]:
        yield SecretEntry(self, user)

    def secret_of(self, user: str) -> str:
        """Return the name of the secret that holds the account."""
        return self.name + user if self._is_prefix else self.name

    def fetch(self, name: str, stage: str = CURRENT) -> tuple[Secret | None, str]:
        """Return the secret's content and version; None as content if there is no such secret."""
        with _told(f"read {name}"):
            try:
                answer = self.client.get_secret_value(SecretId=name, VersionStage=stage)
            except ClientError as error:
                if _code(error) == MISSING:
                    return None, ""
                raise
        try:
            content = json.loads(answer.get("SecretString") or "")
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise StoreFailed(f"token_store: the secret {name} must be a JSON object with OURA_API_TOKEN, say")
        return content, answer["VersionId"]

    def swap(self, name: str, version: str, content: Secret) -> str:
        """Make `content` the secret's current version if `version` still is. Returns the new one; raises Overtaken."""
        token, text = str(uuid4()), json.dumps(content)
        with _told(f"write {name}"):
            try:
                if not version:
                    self.client.create_secret(Name=name, SecretString=text, ClientRequestToken=token)
                    return token
                self.client.put_secret_value(
                    SecretId=name, SecretString=text, ClientRequestToken=token, VersionStages=[DRAFT]
                )
            except self.client.exceptions.ResourceExistsException:
                raise Overtaken from None
        self.move(name, version, token)
        return token

    def move(self, name: str, old: str, new: str) -> None:
        """Make the version `new` the current one if `old` is. Raises Overtaken."""
        with _told(f"write {name}"):
            try:
                self.client.update_secret_version_stage(
                    SecretId=name, VersionStage=CURRENT, MoveToVersionId=new, RemoveFromVersionId=old
                )
            except (self.client.exceptions.InvalidParameterException, self.client.exceptions.InvalidRequestException):
                # boto3 repeats a call whose answer was lost, and then hears that the label is not there any more.
                if self.fetch(name)[1] != new:
                    raise Overtaken from None


class SecretEntry:
    """One account's part of a secret, as last read."""

    def __init__(self, vault: SecretsManager, user: str) -> None:
        self._vault, self._user, self._name = vault, user, vault.secret_of(user)
        self._fetch()
        self._complete()

    def _fetch(self) -> None:
        self._secret, self._version = self._vault.fetch(self._name)
        self.record = _record(self._name, self._secret, self._user)

    def _complete(self) -> None:
        """Make a draft current that holds the answer to the refresh under way: its writer died before the last step."""
        if self.record is None or self.record.sent is None or self.record.answer is not None:
            return
        draft, version = self._vault.fetch(self._name, DRAFT)
        drafted = _record(self._name, draft, self._user)
        if drafted and drafted.sent == self.record.sent and drafted.answer is not None:
            self._vault.move(self._name, self._version, version)
            self._fetch()

    def write(self, record: Record) -> None:
        while True:
            try:
                content = _with(self._secret, self._user, record, alone=self._vault.name != self._name)
                self._version = self._vault.swap(self._name, self._version, content)
            except Overtaken:
                # Another account of the same secret, or the client's credentials: nothing that we decided upon.
                before = self.record
                self._fetch()
                if _essence(self.record) != _essence(before):
                    raise
            else:
                self._secret, self.record = content, record
                return

    def remove(self) -> None:
        while self._secret is not None:
            if self._vault.name != self._name:
                with _told(f"remove {self._name}"):
                    # Nothing to recover: the tokens are revoked, and the name must be free for the next consent.
                    self._vault.client.delete_secret(SecretId=self._name, ForceDeleteWithoutRecovery=True)
                return
            try:
                self._version = self._vault.swap(self._name, self._version, _without(self._secret, self._user))
            except Overtaken:
                self._fetch()
            else:
                return


def _holds_several(secret: Secret) -> bool:
    return isinstance(secret.get("accounts"), dict)


def _record(name: str, secret: Secret | None, user: str) -> Record | None:
    if secret is None:
        return None
    if _holds_several(secret):
        own = secret["accounts"].get(user)
        if own is None:
            return None
        secret = {
            **{key: secret[key] for key in secret if plain(key) in CLIENT},
            **(own if isinstance(own, dict) else {}),
        }
    try:
        return from_json(secret)
    except ValueError as error:
        raise StoreFailed(f"token_store: cannot use the secret {name} for {user}: {error}") from None


def _with(secret: Secret | None, user: str, record: Record, *, alone: bool) -> Secret:
    """Return the secret's content with the record in it; what else somebody keeps there stays, client included."""
    if secret is None and user != DEFAULT and not alone:
        secret = {"accounts": {}}
    if secret is not None and _holds_several(secret):
        own = secret["accounts"].get(user) or {}
        shared = [key for key in secret if plain(key) in CLIENT]
        return {**secret, "accounts": {**secret["accounts"], user: _merged(own, record, shared)}}
    return _merged(secret or {}, record, [])


def _without(secret: Secret, user: str) -> Secret:
    if _holds_several(secret):
        return {**secret, "accounts": {name: own for name, own in secret["accounts"].items() if name != user}}
    return {key: value for key, value in secret.items() if plain(key) not in OURS}


def _merged(before: Secret, record: Record, shared: list[str]) -> Secret:
    """The names that the secret was created with go on being the ones where people find their tokens."""
    values = record.to_json()
    kept = {key: value for key, value in before.items() if plain(key) not in OURS}
    tokens = {key: plain(key) for key in before if key.startswith("OURA_") and plain(key) in values}
    for key in (*shared, *before):
        if plain(key) in CLIENT:
            values.pop(plain(key), None)
    return {**kept, **{key: values.pop(name, before[key]) for key, name in tokens.items()}, **values}


def _essence(record: Record | None) -> tuple[Any, ...] | None:
    if record is None:
        return None
    return record.access_token, record.refresh_token, record.sent, record.answer, record.refused


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise StoreFailed(f"token_store: AWS refuses to {what}: {_code(error)}") from None
    except BotoCoreError as error:
        # Its text may hold the address and the profile, never a secret; its class is clear enough.
        raise StoreFailed(f"token_store: cannot {what} at AWS: {type(error).__name__}") from None
