"""The tap: its accounts, its streams, and how a run ends."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, cast

from singer_sdk import Stream, Tap
from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.plugin_base import JSONSchemaValidator

from tap_oura import accounts, settings, shards
from tap_oura.api import traffic
from tap_oura.api.ahead import ReadAhead
from tap_oura.api.client import PERSONAL_INFO, Client
from tap_oura.batches import Batches
from tap_oura.catalog.collections import COLLECTIONS, Query
from tap_oura.credentials.vault import StoreFailed
from tap_oura.errors import AccountFailed, BrokenAnswer, OuraError, SettingsError
from tap_oura.ledger.days import CollectionDays, bookmark
from tap_oura.ledger.failures import EVERY_COLLECTION, CollectionFailures, Failure
from tap_oura.ledger.rejected import RejectedDocuments
from tap_oura.messages import FrugalStateWriter, Writer
from tap_oura.streams import OuraStream
from tap_oura.windows import EVER, Window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    import click

    from tap_oura.accounts import Account
    from tap_oura.api.ahead import Job

logger = logging.getLogger(__name__)

EXIT_FAILED = 1
EXIT_SETTINGS = 2


class TapOura(Tap):
    """Reads every collection of every account. What one of them cannot give stops none of the others."""

    name = "tap-oura"
    message_writer_class = Writer
    config_jsonschema = settings.SETTINGS.to_dict()
    clock = staticmethod(time.time)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.failures: list[Failure] = []
        self.dead: set[str] = set()
        self._works: set[tuple[str, str]] = set()
        super().__init__(*args, **kwargs)
        self._state_writer = FrugalStateWriter(self.message_writer)

    def discover_streams(self) -> list[Stream]:
        """Return a stream per chosen collection. No network; raises SettingsError for settings that cannot work."""
        if problems := list(settings.problems(self.config)):
            raise SettingsError("\n".join(problems))
        chosen = [COLLECTIONS[name] for name in sorted(set(self.config["collections"]))]
        if self.config["sandbox"]:
            chosen = [collection for collection in chosen if collection.query is not Query.OBJECT]
        return [
            CollectionDays(self),
            RejectedDocuments(self),
            *(OuraStream(self, collection) for collection in chosen),
            CollectionFailures(self),
        ]

    # The SDK marks both as final, but its order is the alphabet and its end knows of no failures.

    def load_streams(self) -> list[Stream]:  # type: ignore[misc]
        """Return the streams in our order: each document's stream writes days, and failures are told after all."""
        return self.discover_streams()

    @property
    def days(self) -> CollectionDays:
        return cast("CollectionDays", self.streams[CollectionDays.name])

    @property
    def rejected(self) -> RejectedDocuments:
        return cast("RejectedDocuments", self.streams[RejectedDocuments.name])

    @cached_property
    def client(self) -> Client:
        root = "/v2/sandbox/usercollection" if self.config["sandbox"] else "/v2/usercollection"
        return Client(
            self.config["api_url"].rstrip("/") + root,
            timeout=self.config["timeout_seconds"],
            retries=self.config["max_retries"],
            user_agent=self.config["user_agent"],
            connections=self.config["concurrency"],
        )

    @cached_property
    def reader(self) -> ReadAhead:
        return ReadAhead(self._plan(), self._read, self.config["concurrency"])

    @cached_property
    def batches(self) -> Batches | None:
        return Batches.from_settings(self.config)

    def _plan(self) -> Iterator[Job]:
        """Yield what the streams will ask for, in the order in which the SDK syncs them."""
        for stream in self.streams.values():
            if isinstance(stream, OuraStream) and stream.selected:
                for user_id in self.accounts:
                    if user_id not in self.dead:
                        yield from stream.plan(user_id)

    def _read(self, job: Job) -> list[dict[str, Any]]:
        account, query = self.accounts[job.user_id], job.collection.query
        if query is Query.OBJECT:
            return [self.client.get(account, job.collection.segment)]
        pages = self.client.pages(account, job.collection.segment, job.window.parameters(query))
        return [document for page in pages for document in page]

    @cached_property
    def state_at_start(self) -> dict[str, dict[str, Any]]:
        """The bookmarks by stream as the run found them: what is read does not depend on what was read before."""
        state: Any = self.state
        return {
            name: bookmark(stream) | {"partitions": [bookmark(each) for each in stream.get("partitions", [])]}
            for name, stream in state.get("bookmarks", {}).items()
        }

    @cached_property
    def accounts(self) -> dict[str, Account]:
        """The accounts of our shard, by name. Asks Oura for that of a single account that the settings do not name."""
        named: dict[str, Account] = {}
        shard, elsewhere = shards.of(self.config), False
        for account in self._configured():
            if not account.user and not shard.holds(account):
                elsewhere = True
                continue
            try:
                user = account.user or self._own_id(account)
            except OuraError as error:
                self.failed(EVERY_COLLECTION, account.label, EVER, error)
                requests = self.client.traffic.take(account.label, PERSONAL_INFO)
                traffic.tell(EVERY_COLLECTION, account.label, requests=requests, error=error)
            else:
                if user in named:
                    logger.warning("%s has credentials twice; the settings' own are used", user)
                named.setdefault(user, account)
        chosen = self._chosen(named, nameless=elsewhere)
        ours = {user: account for user, account in chosen.items() if shard.holds(account)}
        if not shard.is_whole:
            logger.info("%s: %d of %d accounts", shard, len(ours), len(chosen))
        return ours

    def _chosen(self, named: dict[str, Account], *, nameless: bool) -> dict[str, Account]:
        """Return those of `users`. A name that nobody has may be that of a `nameless` account of another shard."""
        chosen = self.config.get("users") or list(named)
        unknown = [user for user in chosen if user not in named]
        if unknown and not nameless:
            raise SettingsError(f"users: there is no account '{unknown[0]}'; the accounts are {', '.join(named)}")
        return {user: account for user, account in named.items() if user in chosen}

    def _configured(self) -> list[Account]:
        try:
            found = list(accounts.configured(self.config, accounts.terms(self.config, self.clock)))
            if any(account.credentials.are_known for account in found):
                return found
        except StoreFailed as error:
            raise SettingsError(str(error)) from None
        nobody = [f"accounts: '{account.user}' has no credentials; give it some or log in" for account in found]
        raise SettingsError("\n".join(nobody) or settings.MISSING_CREDENTIALS)

    def _own_id(self, account: Account) -> str:
        if self.config["sandbox"]:
            return "sandbox"
        own_id = self.client.get(account, PERSONAL_INFO).get("id")
        if not isinstance(own_id, str):
            raise BrokenAnswer("personal_info has no id")
        account.credentials.remember(own_id)
        return own_id

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC)

    def failed(self, collection: str, user_id: str, window: Window, error: OuraError) -> None:
        """Note a failure; neighbouring windows that fail alike become one."""
        if isinstance(error, AccountFailed):
            collection, window = EVERY_COLLECTION, EVER
            self.dead.add(user_id)
        failure = Failure(user_id, collection, window, error)
        last = self.failures[-1] if self.failures else None
        if last and failure.continues(last):
            last.window = Window(last.window.start, window.end)
        else:
            self.failures.append(failure)
            logger.error("failed: %s", failure)

    def succeeded(self, collection: str, user_id: str) -> None:
        self._works |= {(user_id, collection), (user_id, EVERY_COLLECTION)}

    def dead_because(self, user_id: str) -> OuraError | None:
        """Return why nothing more is asked for the account."""
        reasons = (f.error for f in self.failures if (f.user_id, f.collection) == (user_id, EVERY_COLLECTION))
        return next(reasons, None)

    def works(self, user_id: str, collection: str) -> bool:
        """Whether this run read the collection of the account without a fault."""
        return (user_id, collection) in self._works

    def sync_all(self) -> None:  # type: ignore[misc]
        """Run; then name each failure and leave with 1, or with 0 where failures are tolerated and something worked."""
        _ = self.state_at_start  # Before anything is added to the state.
        try:
            if self.accounts:
                _ = self.batches  # It tidies up, also where nothing is long enough for a file.
                super().sync_all()
                self.state_writer.write_state(self.state)
        finally:
            self.reader.close()
        self.finish()

    def finish(self) -> None:
        users = {account.label: user for user, account in self.accounts.items()}
        for label, segment, requests in self.client.traffic.rest():
            traffic.tell(segment, users.get(label, label), requests=requests, unread=True)
        for failure in self.failures:
            logger.error("not read: %s", failure)
        if self.failures and not (self.config["tolerate_failures"] and self._works):
            sys.exit(EXIT_FAILED)

    # The SDK's own ways out end with 0 on a signal and quote the values of bad settings, secrets included.

    def _setup_signal_handlers(self) -> None:
        super()._setup_signal_handlers()
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGHUP, self._handle_termination)

    def _handle_termination(self, signum: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG002
        sys.exit(128 + signum)

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        self.append_builtin_config(self.config_jsonschema)
        # This validator also fills in the defaults.
        errors = [
            f"{'.'.join(map(str, error.absolute_path)) or 'settings'}: {settings.expectation(error)}"
            for error in JSONSchemaValidator(self.config_jsonschema).iter_errors(self._config)
        ]
        if errors and raise_errors:
            raise SettingsError("\n".join(errors))
        return errors

    @classproperty
    def _env_var_config(cls) -> dict[str, Any]:  # noqa: N805
        try:
            return parse_environment_config(cls.config_jsonschema, "TAP_OURA_")
        except ValueError:
            raise SettingsError("environment: a TAP_OURA_ number needs digits, a list or an object JSON") from None

    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        """Read the settings from the files given, or from the environment where none is given."""
        try:
            given = super().cb_config(ctx, param, value or ("ENV",))
        except FileNotFoundError:
            raise SettingsError(f"--config: there is no file {' or '.join(value)}") from None
        except ValueError:
            raise SettingsError(f"--config: {' or '.join(value)} is no JSON") from None
        said = {**(cls._env_var_config if given.parse_env else {}), **given.config}
        given.config |= accounts.from_environment(said, os.environ)
        return given

    @classmethod
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Read one record of each stream, and leave with 1 where that did not work."""
        if value != "all":
            super().cb_test(ctx, param, value)
            return
        config = ctx.params["config"]
        tap = cls(config=config.config, parse_env_config=config.parse_env)
        tap.batches = None  # It looks at what is sent as messages.
        tap.run_connection_test()
        tap.finish()
        ctx.exit()


def main() -> None:
    """The command `tap-oura`: bad settings are one line each and exit code 2."""
    # PYTHONUNBUFFERED, which images set for their logs, would make each record a system call.
    sys.stdout = open(sys.stdout.fileno(), "w", closefd=False)  # noqa: SIM115
    try:
        TapOura.cli()
    except SettingsError as error:
        for line in str(error).splitlines():
            print(f"tap-oura: {line}", file=sys.stderr)
        sys.exit(EXIT_SETTINGS)
