"""A missing requirement of the database is one line and exit code 2, before any request to Oura."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from oura_collector.database import choice, requirements
from oura_collector.database.connection import Database
from oura_collector.settings import SettingsError
from oura_simulator.testing import Running, running

from tests.collector_process import Collector, url
from tests.poolers import pgbouncer
from tests.programs import needs


@pytest.fixture(scope="module")
def simulator() -> Iterator[Running]:
    with running(accounts=1, days=5) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def ready(make_database: Callable[[], Database]) -> Database:
    return make_database()


@contextmanager
def made(server: Database, how: str = "") -> Iterator[Database]:
    name = f"oura_test_{uuid.uuid4().hex[:12]}"
    with server.connect() as connection:
        connection.execute(f"CREATE DATABASE {name} {how}".encode())
        try:
            yield Database({**server.parameters, "dbname": name})
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def role(server: Database) -> Iterator[str]:
    name = f"oura_test_{uuid.uuid4().hex[:12]}"
    with server.connect() as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'planted'".encode())
        try:
            yield name
        finally:
            connection.execute(f"DROP ROLE {name}".encode())


def refusal(database: Database) -> str:
    """The one line about a database that is not good enough."""
    with pytest.raises(SettingsError) as caught:
        choice.prepare(database)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_an_encoding_that_cannot_hold_every_text_is_refused_before_the_first_request(
    server: Database, simulator: Running, tmp_path: Path, encoding: str
) -> None:
    with made(server, f"TEMPLATE template0 ENCODING {encoding} LOCALE 'C'") as database:
        refused = Collector(database, simulator, tmp_path).run("--once", code=2)

    assert refused.log().startswith(f"collect.py: database {database.parameters['dbname']}: its encoding is {encoding}")
    assert len(refused.log().splitlines()) == 1
    assert simulator.requests() == []


def test_an_old_server_is_refused(ready: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "OLDEST", 99)

    assert "99 or newer is needed" in refusal(ready)


def test_a_read_only_database_is_refused(server: Database) -> None:
    with made(server) as database, server.connect() as connection:
        name = database.parameters["dbname"]
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())

        assert refusal(database) == f"database {name}: it is read-only; set default_transaction_read_only to off"


def test_a_role_without_privileges_gets_the_list_and_needs_no_others(server: Database) -> None:
    with role(server) as name, made(server) as database, database.connect() as owner:
        owner.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        owner.execute("CREATE SCHEMA oura_raw")
        owned = Database({**database.parameters, "user": name, "password": "planted"})
        output = refusal(owned)
        assert (
            f"the role {name} may not create the schemas oura_raw, oura_staging, oura_collector, meltano, public"
            in output
        )

        for statement in output.partition("its owner: ")[2].split("; "):
            owner.execute(statement.encode())

        choice.prepare(owned)


def test_a_role_that_cannot_connect_and_a_missing_database_are_one_line(server: Database) -> None:
    with role(server) as name, made(server) as database, server.connect() as connection:
        connection.execute(f"REVOKE CONNECT ON DATABASE {database.parameters['dbname']} FROM PUBLIC".encode())

        assert "permission denied for database" in refusal(Database({**database.parameters, "user": name}))
    assert "does not exist" in refusal(Database({**server.parameters, "dbname": "not_there"}))


def test_an_exhausted_connection_limit_is_reported(server: Database) -> None:
    with role(server) as name, made(server) as database, server.connect() as owner:
        owner.execute(f"ALTER ROLE {name} CONNECTION LIMIT 1".encode())
        owner.execute(f"ALTER DATABASE {database.parameters['dbname']} OWNER TO {name}".encode())
        try:
            output = refusal(Database({**database.parameters, "user": name, "password": "planted"}))
        finally:
            owner.execute(f"ALTER DATABASE {database.parameters['dbname']} OWNER TO CURRENT_USER".encode())

    assert f'too many connections for role "{name}"' in output
    assert "options" not in output


@needs("pgbouncer")
@pytest.mark.parametrize("size", [1, 20])
@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_pooler_without_sessions_is_refused_in_time(ready: Database, mode: str, size: int) -> None:
    # The pooler itself lets clients wait for ever: where we did not give up, the test would not end.
    with pgbouncer(ready, mode, size=size) as pooled:
        output = refusal(pooled)

    assert output.startswith(
        f"DATABASE_URL: 127.0.0.1:{pooled.parameters['port']} is a connection pooler in transaction"
    )
    assert output.endswith("set DATABASE_DIRECT_URL to bypass it")


@needs("pgbouncer")
def test_a_transaction_pooler_is_detected_while_others_use_it(ready: Database) -> None:
    with (
        pgbouncer(ready, "transaction", size=5) as pooled,
        pooled.reach() as one,
        pooled.reach() as other,
        one.transaction(),
        other.transaction(),
    ):
        for busy in (one, other):
            busy.execute("SELECT 1")

        assert "in transaction mode" in refusal(pooled)


@needs("pgbouncer")
def test_a_direct_url_through_a_pooler_or_to_another_database_is_refused(
    ready: Database, make_database: Callable[[], Database]
) -> None:
    with pgbouncer(ready, "transaction") as pooled:
        through = pooled.parameters
        choice.prepare(Database(ready.parameters, through))

        assert refusal(Database(through, through)).startswith("DATABASE_DIRECT_URL: ")
        elsewhere = refusal(Database(make_database().parameters, through))
        assert elsewhere == "DATABASE_DIRECT_URL: leads to another database than DATABASE_URL"
    with pgbouncer(ready, "statement") as pooled:
        assert "statement mode, which cannot be used" in refusal(Database(ready.parameters, pooled.parameters))


@needs("pgbouncer")
def test_a_session_pooler_is_enough_if_sessions_find_meltanos_schema(
    make_database: Callable[[], Database],
) -> None:
    database = make_database()
    with pgbouncer(database, "session") as pooled:
        assert "ignores or refuses `options`" in refusal(pooled)
    with pgbouncer(database, "session", ignored="options") as pooled, database.connect() as connection:
        assert refusal(pooled).endswith("set DATABASE_DIRECT_URL to bypass this pooler")

        name = database.parameters["dbname"]
        connection.execute(f"ALTER DATABASE {name} SET search_path = meltano, public".encode())
    with pgbouncer(database, "session", ignored="options") as pooled:
        choice.prepare(pooled)
    with pgbouncer(database, "session", size=1, ignored="options") as pooled:
        assert refusal(pooled).endswith("this pooler gives no second session within 5 s; enlarge its pool")


def test_status_names_what_prevents_a_run(
    make_database: Callable[[], Database], simulator: Running, tmp_path: Path
) -> None:
    database = make_database()
    collector = Collector(database, simulator, tmp_path)
    output = collector.run("status").output()
    assert "no run is possible" not in output

    nowhere = "postgresql://writer:planted@127.0.0.1:9/app"
    output = collector.run("status", code=1, DATABASE_DIRECT_URL=nowhere).output()
    last = output.splitlines()[-1]
    assert last.startswith("no run is possible: DATABASE_DIRECT_URL: ")
    assert "refused" in last
    assert "planted" not in output

    elsewhere = collector.run("status", code=1, DATABASE_DIRECT_URL=url(make_database())).output()
    assert elsewhere.splitlines()[-1] == (
        "no run is possible: DATABASE_DIRECT_URL: leads to another database than DATABASE_URL"
    )


def test_a_direct_url_is_a_secret_and_requires_a_pooler_url(
    ready: Database, simulator: Running, tmp_path: Path
) -> None:
    secret = "postgresql://writer:planted@[broken"
    for settings in ({"DATABASE_URL": ""}, {"DATABASE_DIRECT_URL": secret}):
        given = {"DATABASE_DIRECT_URL": url(ready), **settings}
        output = Collector(ready, simulator, tmp_path).run("setup", code=2, **given).log()
        assert output.startswith("collect.py: DATABASE_DIRECT_URL: ")
        assert len(output.splitlines()) == 1
        assert "planted" not in output
