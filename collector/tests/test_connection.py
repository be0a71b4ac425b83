"""How the database is named, and what each part of the pipeline is told about it."""

from __future__ import annotations

import pytest
from oura_collector.database.choice import parse
from oura_collector.database.connection import Database
from oura_collector.settings import Settings, SettingsError
from sqlalchemy.engine import make_url

URL = "postgresql://writer:p%40ss%3Aw%2Frd@db.example:6543/health?sslmode=verify-full&sslrootcert=/etc/ca.pem"


def test_a_url_reaches_every_part_with_its_password_and_tls_settings() -> None:
    environment = Database(parse(URL)).environment()

    for name in ("TARGET_POSTGRES_SQLALCHEMY_URL", "MELTANO_DATABASE_URI"):
        url = make_url(environment[name])
        _, parameters = url.get_dialect()().create_connect_args(url)
        assert url.drivername == "postgresql+psycopg"
        assert {**parameters, "options": ""} == {
            "user": "writer",
            "password": "p@ss:w/rd",
            "host": "db.example",
            "port": "6543",
            "dbname": "health",
            "sslmode": "verify-full",
            "sslrootcert": "/etc/ca.pem",
            "options": "",
        }
    assert environment["DATABASE_PASSWORD"] == environment["DBT_PASSWORD"] == "p@ss:w/rd"
    assert environment["DATABASE_SSLMODE"] == "verify-full"
    assert environment["DATABASE_SSLROOTCERT"] == "/etc/ca.pem"


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"])
def test_every_sslmode_is_passed_through(mode: str) -> None:
    database = Database(parse(f"postgresql://writer@db.example/health?sslmode={mode}"))

    assert database.environment()["DBT_SSLMODE"] == mode
    assert make_url(database.url()).query["sslmode"] == mode


def test_meltanos_own_tables_are_looked_for_in_their_schema_only() -> None:
    environment = Database(parse(URL)).environment()

    assert make_url(environment["MELTANO_DATABASE_URI"]).query["options"] == "-clock_timeout=60s -csearch_path=meltano"
    assert "options" not in make_url(environment["TARGET_POSTGRES_SQLALCHEMY_URL"]).query


def test_options_of_the_url_are_kept_beside_the_search_path() -> None:
    database = Database(parse("postgresql://writer@db.example/health?options=-cstatement_timeout%3D5min"))

    assert make_url(database.url("meltano")).query["options"] == "-cstatement_timeout=5min -csearch_path=meltano"


def test_sessions_of_a_run_are_named_after_it_whatever_the_url_calls_them() -> None:
    database = Database(parse("postgresql://writer@db.example/health?application_name=mine"))

    assert "application_name" not in make_url(database.url("meltano")).query


def test_a_password_shows_in_no_representation() -> None:
    assert "p@ss" not in repr(Database(parse(URL)))
    assert "p%40ss" not in repr(Settings(database_url=URL))


def test_a_url_that_cannot_be_read_is_not_quoted() -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL: cannot be read") as caught:
        parse("postgresql://writer:secret@[broken")
    assert "secret" not in str(caught.value)


def test_a_server_that_does_not_answer_is_one_line() -> None:
    with pytest.raises(SettingsError) as caught, Database(parse("postgresql://writer:secret@127.0.0.1:9/x")).connect():
        pass
    assert len(str(caught.value).splitlines()) == 1
    assert "secret" not in str(caught.value)


def test_a_password_with_an_at_sign_is_not_taken_for_a_host() -> None:
    with pytest.raises(SettingsError) as caught:
        parse("postgresql://writer:secret@word@db.example/health")

    assert str(caught.value) == "DATABASE_URL: the password holds an @; write it as %40"
