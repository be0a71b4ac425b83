"""The address of the one PostgreSQL: libpq's parameters, and their form for other programs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import psycopg

from oura_collector.database import libpq
from oura_collector.settings import SettingsError

if TYPE_CHECKING:
    pass

META_SCHEMA = "meltano"
"""Where Meltano keeps its state, beside the data, so that one backup holds both."""

DIRECT, POOLED = "DATABASE_DIRECT_URL", "DATABASE_URL"

PATIENT = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
    "client_encoding": "UTF8",
    "fallback_application_name": "oura-collector",
}
"""Defaults. A server that is gone is noticed within a minute."""


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
        """The database for short transactions, which can share a pooled session."""
        return Database(self.through_pooler) if self.through_pooler else self

    def with_options(self, options: str) -> Database:
        """Return the same database, for sessions that start with these settings too, given as `-cname=value`."""
        both = f"{self.parameters.get('options', '')} {options}".strip()
        return replace(self, parameters={**self.parameters, "options": both})

    def connect(self) -> psycopg.Connection:
        """Open a connection in autocommit mode. Raises SettingsError, one line, if that is impossible."""
        try:
            return self.reach()
        except psycopg.OperationalError as error:
            where = DIRECT if self.through_pooler else "database"
            raise SettingsError(f"{where}: {str(error).splitlines()[0]}") from None

    def reach(self) -> psycopg.Connection:
        """Like `connect`, for callers that can do without the database. Raises psycopg.OperationalError."""
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
        """A name for folders of this database only; contains no secret."""
        where = [self.parameters.get(part, "") for part in ("host", "hostaddr", "port", "dbname", "user")]
        name = re.sub(r"\W", "_", self.parameters.get("dbname", ""), flags=re.ASCII)[:40]
        return f"{name}-{sha256(repr(where).encode()).hexdigest()[:8]}"

    def environment(self) -> dict[str, str]:
        """Return what Meltano, the loader and dbt read. dbt gets its own twice: as itself and as Meltano's plugin."""
        given = {"host": "localhost", "port": "5432", "sslmode": "prefer", **libpq.from_outside(), **self.parameters}
        parts = {variable: given.get(name, "") for name, variable in PARTS.items()}
        return {
            "MELTANO_DATABASE_URI": self._patient().url(META_SCHEMA),
            "TARGET_POSTGRES_SQLALCHEMY_URL": (self._patient() if self.parameters.get("options") else self).url(),
            **libpq.variables({name: self.parameters[name] for name in self.parameters.keys() - PARTS}),
            **{f"{prefix}_{name}": value for prefix in ("DATABASE", "DBT") for name, value in parts.items()},
        }


def exists(connection: psycopg.Connection, relation: str) -> bool:
    """Return whether the table or view `schema.name` exists."""
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [relation]).fetchone()
    return bool(row and row[0])
