"""The operator's command line. Exit codes: 0 done, 1 something failed, 2 wrong usage or settings, 75 busy."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from oura_collector import database, demo, login, pipeline, settings
from oura_collector.database import Busy
from oura_collector.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_SETTINGS = 2
EXIT_BUSY = 75

PASSED_ON = {"ignore_unknown_options": True, "help_option_names": []}


@click.group(invoke_without_command=True)
@click.option("--once", is_flag=True, help="Run once: collect from Oura, build the tables, exit.")
@click.pass_context
def cli(context: click.Context, once: bool) -> None:
    """Collects what Oura knows into PostgreSQL."""
    if context.invoked_subcommand is not None:
        return
    if not once:
        raise click.UsageError("say what to do, such as --once; --help lists it all")
    given = settings.read()
    extra = pipeline.tap_environment(given)
    chosen = database.resolve(given)
    pipeline.record(given, chosen)
    sys.exit(pipeline.sync(chosen, pipeline.PRODUCTION, extra))


@cli.command("demo")
def show() -> None:
    """Run everything on simulated accounts, and show the result."""
    given = settings.read()
    sys.exit(demo.run(given, database.resolve(given)))


@cli.command()
def stop() -> None:
    """Stop the demo's simulator and the embedded database."""
    given = settings.read()
    demo.stop_simulator(given.data_dir)
    database.stop_embedded(given.data_dir)


@cli.command("setup")
def prepare() -> None:
    """Make the database ready and note it for Meltano called by hand."""
    given = settings.read()
    pipeline.record(given, database.resolve(given))


@cli.command("login")
@click.option("--user", help="Name of the account in every row (default: Oura's own id of the wearer).")
@click.option("--paste", is_flag=True, help="Where there is no browser: paste the address that it was sent to.")
def log_in(user: str | None, paste: bool) -> None:
    """Ask a wearer for consent, in a browser, and keep the tokens."""
    login.login(settings.read(), user, paste)


@cli.command("logout")
@click.option("--user", help="The account; not needed where there is only one.")
def log_out(user: str | None) -> None:
    """Revoke an account's consent and forget its tokens; its data stays."""
    login.logout(settings.read(), user)


@cli.command()
def status() -> None:
    """Tell how each account's credentials are; leaves with 1 where a wearer must consent again."""
    sys.exit(0 if login.status(settings.read()) else 1)


@cli.command(context_settings=PASSED_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def meltano(arguments: Sequence[str]) -> None:
    """Call Meltano with the settings of this project, such as `meltano state list`."""
    given = settings.read()
    environment = os.environ.get("MELTANO_ENVIRONMENT", pipeline.PRODUCTION)
    sys.exit(pipeline.run(list(arguments), database=database.resolve(given), environment=environment))


@cli.command(context_settings=PASSED_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: Sequence[str]) -> None:
    """Open the database in psql."""
    chosen = database.resolve(settings.read())
    variables = {f"PG{name.upper()}": value for name, value in chosen.parameters.items()}
    if "PGDBNAME" in variables:
        variables["PGDATABASE"] = variables.pop("PGDBNAME")
    program = database.psql_program()
    os.execve(program, [program, *arguments], {**os.environ, **variables})


def main() -> NoReturn:
    """Run the command line; a problem with the settings is one line and exit code 2."""
    try:
        cli(standalone_mode=True)
    except SettingsError as error:
        for line in str(error).splitlines():
            click.echo(f"collect.py: {line}", err=True)
        sys.exit(EXIT_SETTINGS)
    except Busy as error:
        click.echo(f"collect.py: {error}", err=True)
        sys.exit(EXIT_BUSY)
    raise AssertionError("click leaves by itself")
