"""The requirements on the database, checked before the first request to Oura. The first problem is one line."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import psycopg

from oura_collector.database.connection import DIRECT, META_SCHEMA, POOLED
from oura_collector.database.deadline import within
from oura_collector.settings import SettingsError

if TYPE_CHECKING:
    from oura_collector.database.connection import Database

SCHEMAS = ("oura_raw", "oura_staging", "oura_collector", META_SCHEMA, "public")
"""All that is written to."""

OLDEST = 14
"""Of PostgreSQL's versions."""

SECONDS = 5.0
"""Until a pooler that gives no session counts as having none left."""

ROUNDS = 3
"""Other clients may take the session that distinguishes the modes of a pooler, but not three times in a row."""

SERVER = """
SELECT quote_ident(current_database()), quote_ident(current_user), current_setting('server_version'),
    current_setting('server_version_num')::integer / 10000, current_setting('server_encoding'),
    current_setting('transaction_read_only') = 'on', pg_is_in_recovery()"""
FORBIDDEN = """
SELECT name, to_regnamespace(name) IS NOT NULL FROM unnest(%s::text[]) WITH ORDINALITY AS wanted (name, place)
WHERE NOT CASE
    WHEN to_regnamespace(name) IS NULL THEN has_database_privilege(current_database(), 'CREATE')
    ELSE has_schema_privilege(name, 'CREATE') AND has_schema_privilege(name, 'USAGE')
END ORDER BY place"""
TEMPORARY = "SELECT has_database_privilege(current_database(), 'TEMPORARY')"

TOKEN = 0x6F757274
"""First half of the key of an advisory lock that is looked for by another way: "ourt" in ASCII."""
IS_HELD = f"""
SELECT EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = {TOKEN} AND objid::bigint = %s
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)"""


def check(database: Database, connection: psycopg.Connection) -> None:
    """Raise SettingsError if a run is impossible. `connection` is one to `database`, in autocommit mode."""
    setting = DIRECT if database.through_pooler else POOLED
    name, role = _check_server(connection)
    _check_rights(connection, name, role)
    if is_pooled(connection) and not _keeps_its_session(database, connection):
        raise SettingsError(
            f"{setting}: {_where(database)} is a connection pooler in transaction mode, which cannot hold the lock of "
            + (
                "a run; set it to PostgreSQL's own address"
                if setting == DIRECT
                else f"a run; set {DIRECT} to bypass it"
            )
        )
    _check_options(database, setting)
    if database.through_pooler:
        _check_same(database.pooled, connection)


def obstacle(database: Database) -> str | None:
    """Return why a run on the database is impossible, in one line, or None if it is possible."""
    try:
        with database.connect() as connection:
            check(database, connection)
    except (SettingsError, psycopg.Error) as error:
        return str(error).splitlines()[0]
    return None


def is_pooled(connection: psycopg.Connection) -> bool:
    """Return whether a pooler is in front of PostgreSQL: it cannot know beforehand which session it will give."""
    return connection.info.backend_pid != _session(connection)


def _check_server(connection: psycopg.Connection) -> tuple[str, str]:
    """Return the names of the database and the role, as SQL writes them."""
    name, role, text, version, encoding, is_read_only, is_standby = connection.execute(SERVER).fetchone() or ()
    if version < OLDEST:
        raise SettingsError(f"database {name}: PostgreSQL is {text}; {OLDEST} or newer is needed")
    if encoding != "UTF8":
        raise SettingsError(
            f"database {name}: its encoding is {encoding}, which cannot store all text that Oura sends; "
            "use one created with ENCODING 'UTF8'"
        )
    if is_standby:
        raise SettingsError(f"database {name}: this server is a standby, which accepts no writes; use the primary")
    if is_read_only:
        raise SettingsError(f"database {name}: it is read-only; set default_transaction_read_only to off")
    return name, role


def _check_rights(connection: psycopg.Connection, name: str, role: str) -> None:
    found = connection.execute(FORBIDDEN, [list(SCHEMAS)]).fetchall()
    there = [schema for schema, is_there in found if is_there]
    row = connection.execute(TEMPORARY).fetchone()
    cures = [f"GRANT USAGE, CREATE ON SCHEMA {', '.join(there)} TO {role}"] if there else []
    if len(there) < len(found) or not (row and row[0]):
        cures.append(f"GRANT CREATE, TEMPORARY ON DATABASE {name} TO {role}")
    if cures:
        what = f"the schemas {', '.join(schema for schema, _ in found)}" if found else "temporary tables"
        raise SettingsError(f"database {name}: the role {role} may not create {what}; its owner: {'; '.join(cures)}")


def _keeps_its_session(database: Database, connection: psycopg.Connection) -> bool:
    """Whether a connection stays in one session between its transactions, while others have transactions too."""
    for _ in range(ROUNDS):
        before = _session(connection)
        with database.connect() as other:
            try:
                with within(other, SECONDS), other.transaction():
                    if _session(other) == before:
                        return False
                    try:
                        with within(connection, SECONDS):
                            if _session(connection) != before:
                                return False
                    except psycopg.Error:  # The other one has the only session, which was this one's.
                        return False
            except psycopg.errors.ProtocolViolation:  # Statement mode knows no transactions.
                return False
            except psycopg.Error:
                raise SettingsError(
                    f"{_where(database)}: this pooler gives no second session within {SECONDS:.0f} s; enlarge its pool"
                ) from None
    return True


def _check_options(database: Database, setting: str) -> None:
    """Fail where a session does not start with the settings that it asks for: Meltano finds its schema by them."""
    path = ""
    try:
        with database.with_options(f"-csearch_path={META_SCHEMA}").reach() as session, within(session, SECONDS):
            row = session.execute("SHOW search_path").fetchone()
            path = row[0] if row else ""
    except psycopg.OperationalError:
        # If a second session without them is impossible too, they are not the cause: this finds it.
        database.connect().close()
    if path.split(",")[0].strip(' "') != META_SCHEMA:
        raise SettingsError(
            f"{setting}: {_where(database)} ignores or refuses `options`, by which Meltano finds its schema; "
            + ("set it to PostgreSQL's own address" if setting == DIRECT else f"set {DIRECT} to bypass this pooler")
        )


def _check_same(pooled: Database, direct: psycopg.Connection) -> None:
    """Fail where the two ways do not end at the same database of the same server.

    A copy has the same names and the same identifier, but not the same locks.
    """
    token = secrets.randbits(31)
    with direct.transaction(), pooled.connect() as other:
        direct.execute("SELECT pg_advisory_xact_lock(%s, %s)", [TOKEN, token])
        try:
            with within(other, SECONDS), other.transaction():
                row = other.execute(IS_HELD.encode(), [token]).fetchone()
        except psycopg.errors.ProtocolViolation:
            raise SettingsError(
                f"{POOLED}: {_where(pooled)} is a pooler in statement mode, which cannot be used; transaction mode can"
            ) from None
        if not (row and row[0]):
            raise SettingsError(f"{DIRECT}: leads to another database than {POOLED}")


def _session(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    return int(row[0]) if row else 0


def _where(database: Database) -> str:
    return f"{database.parameters.get('host', 'localhost')}:{database.parameters.get('port', '5432')}"
