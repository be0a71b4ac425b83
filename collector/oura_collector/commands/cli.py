"""The command line. Exit codes: 0 success, 1 something failed, 2 invalid usage or settings, 75 another run is busy."""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
import psycopg
import structlog

from oura_collector import logging_setup, settings
from oura_collector.accounts import login
from oura_collector.accounts.credential_state import credential_states
from oura_collector.accounts.tap_config import next_step
from oura_collector.commands import demo, options
from oura_collector.commands.status import report
from oura_collector.database import choice, libpq, requirements
from oura_collector.database.lock import Busy, only_run
from oura_collector.pipeline.environment import advice, chosen_environment, record, run_meltano, tap_environment
from oura_collector.privacy.erase import erase
from oura_collector.privacy.export import CSV, FORMATS, export
from oura_collector.privacy.purge import purge
from oura_collector.runs.backfill import backfill
from oura_collector.runs.bookmarks import rewind
from oura_collector.runs.event_webhook import Notifier
from oura_collector.runs.repair import repair
from oura_collector.runs.reread import reread
from oura_collector.runs.run_log import RunLog
from oura_collector.runs.runner import Runner
from oura_collector.runs.status import Status
from oura_collector.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date

    from oura_collector.pipeline.result import Result

logger = structlog.get_logger(__name__)

EXIT_SETTINGS = 2
EXIT_BUSY = 75

NOTIFY_SECONDS = 10.0
"""Seconds that an event may still take when everything else is done."""

PASSED_ON = {"ignore_unknown_options": True, "help_option_names": []}


@click.group(invoke_without_command=True)
@click.option("--once", is_flag=True, help="Run once and exit: collect new data, build the tables.")
@click.option("--force", is_flag=True, help="Run now, even beside a running service, and always build the tables.")
@click.option("--start-date", type=options.DAY, help="Collect a date range again, from this day on.")
@click.option("--end-date", type=options.DAY, help="Last day of the range (default: today).")
@click.option("--collections", type=options.NAMES, help="Only these collections of the range, separated by commas.")
@click.option(
    "--user", "users", type=options.TEXT, multiple=True, help="Only this account of the range; may be repeated."
)
@click.option("--wait", is_flag=True, help="Wait while another run holds the lock, instead of exiting with 75.")
@click.version_option(package_name="oura-collector", message="oura-collector %(version)s")
@click.pass_context
def cli(context: click.Context, /, once: bool, force: bool, wait: bool, **span: Any) -> None:
    """Collects Oura data into PostgreSQL. Without a command, it runs the service, like `serve`."""
    if context.invoked_subcommand is not None:
        if once or force or wait or any(span.values()):
            raise click.UsageError(f"these options do not go with a command; see '{context.invoked_subcommand} --help'")
        return
    requested = options.span(once=once, force=force, **span)
    if requested is not None:
        run_once(lambda runner: backfill(runner, requested, wait=wait))
    elif once or force:
        run_once(lambda runner: runner.live("force" if force else "once", wait=wait))
    else:
        serve()


def run_once(what: Callable[[Runner], Result]) -> NoReturn:
    """Do one run and exit with its exit code; a signal ends it at a safe point."""
    with prepared() as runner:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda *_: runner.stop())
        result = what(runner)
    sys.exit(result.exit_code)


@contextmanager
def prepared() -> Iterator[Runner]:
    """Yield a runner made from the settings. Raises SettingsError before anything is started."""
    given = settings.read()
    logging_setup.configure(given.log_format)
    tap_environment(given)
    database = choice.chosen(given)
    for line in advice():
        logger.warning(line)
    try:
        record(given, database)
    except (OSError, SettingsError) as error:
        # Only for a plain `meltano`: a full disk must not keep the service from starting and reporting it.
        logger.warning("database not written to .env for a plain meltano", error=str(error))
    notifier = None
    if given.notify_webhook_url:
        secret = given.notify_webhook_secret.get_secret_value() if given.notify_webhook_secret else None
        count = RunLog(database).remember
        notifier = Notifier(str(given.notify_webhook_url), secret, lambda outcome: count("notifications", [outcome]))
    try:
        # Read anew for each run: a token that was replaced in .env works from the next run on.
        yield Runner(given, database, lambda: tap_environment(settings.read()), notifier=notifier)
    finally:
        if notifier:
            notifier.close(NOTIFY_SECONDS)


@cli.command("serve")
@click.option("--watch", is_flag=True, help="Do not collect: only serve health and metrics of other processes' runs.")
def serve_command(watch: bool) -> None:
    """Collect now and every COLLECTION_INTERVAL seconds; serve /health and /metrics on PORT."""
    serve(collects=not watch)


def serve(*, collects: bool = True) -> None:
    # Imported here, so that a single run does not load a web server.
    from oura_collector.service.scheduler import Service

    with prepared() as runner:
        Service(runner.settings, runner, collects=collects).serve()


@cli.command("status")
@click.option("--user", type=options.TEXT, help="Show everything about this account.")
@click.option("--json", "is_json", is_flag=True, help="Print a JSON document.")
def show_status(user: str | None, is_json: bool) -> None:
    """Show what needs somebody, and what prevents a run; exit code 1 if anything is wrong."""
    given = settings.read()
    states, snapshot, obstacle = credential_states(given), None, None
    if choice.is_there(given):
        database = choice.chosen(given)
        with closing(Status(database)) as status:
            snapshot = status.read()
        obstacle = requirements.obstacle(database) if snapshot.reachable else None
    shown = report(states, snapshot, obstacle, next_step(given))
    shown = shown.only(user) if user else shown
    if is_json:
        click.echo(json.dumps(shown.document(detailed=bool(user)), indent=2))
    else:
        click.echo("\n".join(shown.text(detailed=bool(user))))
    sys.exit(0 if shown.is_whole else 1)


@cli.command("demo")
def show() -> None:
    """Run the pipeline on simulated accounts, and show the result."""
    given = settings.read()
    sys.exit(demo.run(given, choice.resolve(given)))


@cli.command()
def stop() -> None:
    """Stop the demo's simulator and the embedded database."""
    given = settings.read()
    demo.stop_simulator(given.data_dir)
    choice.stop_embedded(given.data_dir)


@cli.command("setup")
def prepare() -> None:
    """Prepare the database and write it to .env for a plain `meltano`."""
    given = settings.read()
    record(given, choice.resolve(given))
    for line in advice():
        click.echo(f"collect.py: {line}", err=True)


@cli.command("login")
@click.option("--user", type=options.TEXT, help="Name of the account in every row (default: Oura's user id).")
@click.option("--paste", is_flag=True, help="Without a browser on this machine: paste the address where it ended up.")
def log_in(user: str | None, paste: bool) -> None:
    """Ask a wearer for consent, in a browser, and store the tokens."""
    login.login(settings.read(), user, paste)


@cli.command("logout")
@click.option("--user", type=options.TEXT, help="The account; optional if there is only one.")
def log_out(user: str | None) -> None:
    """Revoke an account's consent and remove its tokens; its data stays."""
    login.logout(settings.read(), user)


USER = click.option("--user", type=options.TEXT, required=True, help="The account.")
WAIT = click.option("--wait", is_flag=True, help="Wait while a run holds the lock, instead of exiting with 75.")


@cli.command("repair")
@click.option(
    "--reread", "again", is_flag=True, help="Instead, collect the days whose values an older version left in `extra`."
)
@WAIT
def repair_days(again: bool, wait: bool) -> None:
    """Collect the days that a failure left missing."""
    run_once(lambda runner: (reread if again else repair)(runner, wait=wait))


@cli.command("rewind")
@USER
@click.option("--collection", "collections", type=options.NAMES, multiple=True, help="Only this one; may be repeated.")
@click.option("--to", "day", type=options.DAY, required=True, help="Day from which the next run reads.")
@WAIT
def rewind_bookmarks(user: str, collections: tuple[tuple[str, ...], ...], day: date, wait: bool) -> None:
    """Set an account's bookmarks back, so that the next run reads from that day; print each change."""
    database = choice.resolve(settings.read())
    names = [name for each in collections for name in each]
    with only_run(database, wait=wait) as hold:
        for change in rewind(hold.connection, chosen_environment(), user, names, day):
            click.echo(str(change))


@cli.command("purge")
@WAIT
def purge_deleted(wait: bool) -> None:
    """Delete from the raw tables what Oura deleted."""
    given = settings.read()
    sys.exit(purge(given, choice.resolve(given), wait=wait))


@cli.command("export")
@USER
@click.option(
    "--format", "how", type=click.Choice(FORMATS), default=CSV, show_default=True, help="Format of each table's file."
)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Path of the archive.")
def export_person(user: str, how: str, output: Path | None) -> None:
    """Export all data about a person to one archive, with the data dictionary."""
    given = settings.read()
    click.echo(export(given, choice.resolve(given), user, how, output))


@cli.command("erase")
@USER
@click.option("--yes", "sure", is_flag=True, help="Do not ask for confirmation.")
@WAIT
def erase_person(user: str, sure: bool, wait: bool) -> None:
    """Erase all data about a person and verify it; exit code 1 if anything is left."""
    given = settings.read()
    sys.exit(0 if erase(given, choice.resolve(given), user, sure=sure, wait=wait) else 1)


@cli.command(context_settings=PASSED_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def meltano(arguments: Sequence[str]) -> None:
    """Run Meltano with this project's settings, for example `meltano state list`."""
    given = settings.read()
    database, environment = choice.resolve(given), chosen_environment()
    sys.exit(run_meltano(list(arguments), settings=given, database=database, environment=environment))


@cli.command(context_settings=PASSED_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: Sequence[str]) -> None:
    """Open the database in psql."""
    chosen = choice.chosen(settings.read())
    program = choice.psql_program()
    os.execve(program, [program, *arguments], {**os.environ, **libpq.variables(chosen.parameters)})


def main() -> NoReturn:
    """Run the command line; a problem with settings or usage is one line and exit code 2."""
    try:
        sys.exit(cli(standalone_mode=False))
    except click.ClickException as error:
        click.echo(f"collect.py: {error.format_message()}", err=True)
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("Aborted!", err=True)
        sys.exit(1)
    except SettingsError as error:
        for line in str(error).splitlines():
            click.echo(f"collect.py: {line}", err=True)
        sys.exit(EXIT_SETTINGS)
    except Busy as error:
        click.echo(f"collect.py: {error}", err=True)
        sys.exit(EXIT_BUSY)
    except psycopg.Error as error:
        click.echo(f"collect.py: database: {str(error).splitlines()[0]}", err=True)
        sys.exit(1)
