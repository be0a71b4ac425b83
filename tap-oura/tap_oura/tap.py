"""The tap: its accounts, its streams, and how a run ends."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

import click
from singer_sdk import Stream, Tap
from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.plugin_base import JSONSchemaValidator

from tap_oura import accounts, settings
from tap_oura.catalog.collections import COLLECTIONS, Query
from tap_oura.errors import SettingsError
from tap_oura.ledger.days import CollectionDays, bookmark
from tap_oura.ledger.failures import CollectionFailures
from tap_oura.ledger.rejected import RejectedDocuments
from tap_oura.login import REDIRECT_URI, login
from tap_oura.messages import FrugalStateWriter, Writer
from tap_oura.report import RunReport
from tap_oura.run import Run
from tap_oura.streams import OuraStream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from tap_oura.api.ahead import Job

EXIT_FAILED = 1
EXIT_SETTINGS = 2
EXIT_NOBODY_READS = 141
"""As a shell says of a process that writes into a pipe which nobody reads any more."""


class TapOura(Tap):
    """Reads every collection of every account. What one of them cannot give stops none of the others."""

    name = "tap-oura"
    message_writer_class = Writer
    config_jsonschema = settings.SETTINGS.to_dict()
    clock = staticmethod(time.time)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._state_writer = FrugalStateWriter(self.message_writer)

    @cached_property
    def run(self) -> Run:
        """What the streams share; the same one as long as this tap lives."""
        return Run(self.config, clock=self.clock, plan=self._plan)

    def discover_streams(self) -> list[Stream]:
        """Return a stream per chosen collection. No network; raises SettingsError for settings that cannot work."""
        if problems := list(settings.problems(self.config)):
            raise SettingsError("\n".join(problems))
        chosen = [COLLECTIONS[name] for name in sorted(set(self.config["collections"]))]
        if self.config["sandbox"]:
            chosen = [collection for collection in chosen if collection.query is not Query.OBJECT]
        days, rejected = CollectionDays(self), RejectedDocuments(self)
        streams = [OuraStream(self, self.run, collection, days, rejected) for collection in chosen]
        failures = CollectionFailures(self, self.run.report, self.run.now, lambda: self.run.everybody)
        return [days, rejected, *streams, failures]

    # The SDK marks both as final, but its order is the alphabet and its end knows of no failures.

    def load_streams(self) -> list[Stream]:  # type: ignore[misc]
        """Return the streams in our order: each document's stream writes days, and failures are sent last."""
        return self.discover_streams()

    def _plan(self) -> Iterator[Job]:
        """Yield what the streams will ask for, in the order in which the SDK syncs them."""
        for stream in self.streams.values():
            if isinstance(stream, OuraStream) and stream.selected:
                for user_id in self.run.accounts:
                    if not self.run.report.dead_because(user_id):
                        with suppress(SettingsError):  # The stream reports it when its turn comes.
                            yield from stream.plan(user_id)

    def sync_all(self) -> None:  # type: ignore[misc]
        """Run; then name each failure and leave with 1, or with 0 where failures are tolerated and something worked."""
        bookmarks: Any = self.state.get("bookmarks", {})
        self.run.state_at_start = {
            name: bookmark(stream) | {"partitions": [bookmark(each) for each in stream.get("partitions", [])]}
            for name, stream in bookmarks.items()
        }
        try:
            if self.run.accounts:
                _ = self.run.batches  # It tidies up, also where nothing is long enough for a file.
                super().sync_all()
                self.state_writer.write_state(self.state)
            self.finish()
        except BaseException as error:
            self.run.report.end(_exit_code(error))
            raise
        finally:
            self.run.reader.close()
        self.run.report.end(0)

    def finish(self) -> None:
        if not self.run.finish():
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
            raise SettingsError(
                "environment: a TAP_OURA_ number needs digits, a list or an object needs JSON"
            ) from None

    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        """Read the settings from the files given, or from the environment where none is given."""
        try:
            given = super().cb_config(ctx, param, value or ("ENV",))
        except FileNotFoundError:
            raise SettingsError(f"--config: there is no file {' or '.join(value)}") from None
        except ValueError:
            raise SettingsError(f"--config: {' or '.join(value)} is not JSON") from None
        config = {**(cls._env_var_config if given.parse_env else {}), **given.config}
        given.config |= accounts.from_environment(config, os.environ)
        return given

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """Return the SDK's command, with `login` before, after or between the options, as runners put it."""
        command = super().get_singer_command()
        command.help = "Read Oura and write Singer messages; with 'login' ask a wearer for consent instead."
        command.params += [
            click.Argument(["command"], required=False, type=click.Choice(["login"]), metavar="[login]"),
            click.Option(["--user"], help="login: name of the account in every record (default: Oura's user id)."),
            click.Option(
                ["--paste"],
                is_flag=True,
                help="login: paste the address where the browser ends up; the only way, so optional.",
            ),
            click.Option(
                ["--redirect-uri"],
                envvar="OURA_REDIRECT_URI",
                default=REDIRECT_URI,
                show_default=True,
                help="login: redirect address, as registered at Oura.",
            ),
            click.Option(
                ["--authorize-url"],
                envvar="OURA_AUTHORIZE_URL",
                help="login: consent page (default: the older portal's).",
            ),
        ]
        return command

    @classmethod
    def invoke(  # type: ignore[override]
        cls,
        *,
        command: str | None,
        user: str | None,
        paste: bool,
        redirect_uri: str,
        authorize_url: str | None,
        **given: Any,
    ) -> None:
        """Read, or log in."""
        if command is None:
            if user is not None or paste:
                raise SettingsError("--user and --paste are for 'tap-oura login'; the accounts to read are in `users`")
            super().invoke(**given)
            return
        config = given["config"]
        tap = cls(config=config.config, parse_env_config=config.parse_env)
        if problems := list(settings.problems(tap.config)):
            raise SettingsError("\n".join(problems))
        login(tap.config, user, authorize_url=authorize_url, redirect_uri=redirect_uri)

    @classmethod
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Read one record of each stream, and leave with 1 where that did not work."""
        if value != "all":
            super().cb_test(ctx, param, value)
            return
        config = ctx.params["config"]
        tap = cls(config=config.config, parse_env_config=config.parse_env)
        tap.run.batches = None  # It looks at what is sent as messages.
        tap.run_connection_test()
        tap.finish()
        ctx.exit()


def _exit_code(error: BaseException) -> int:
    if isinstance(error, SettingsError):
        return EXIT_SETTINGS
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else EXIT_FAILED
    return EXIT_NOBODY_READS if isinstance(error, BrokenPipeError) else EXIT_FAILED


def main() -> None:
    """The command `tap-oura`: bad settings are one line each and exit code 2."""
    # PYTHONUNBUFFERED, which images set for their logs, would make each record a system call.
    sys.stdout = open(sys.stdout.fileno(), "w", closefd=False)  # noqa: SIM115
    try:
        TapOura.cli()
    except SettingsError as error:
        # Settings that cannot work may have no `report_path`.
        report = RunReport(os.environ.get("TAP_OURA_REPORT_PATH"))
        for line in str(error).splitlines():
            report.settings_problem(line)
            print(f"tap-oura: {line}", file=sys.stderr)
        sys.exit(EXIT_SETTINGS)
