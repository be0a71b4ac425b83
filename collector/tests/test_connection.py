"""The database's address, and the form in which each part of the pipeline gets it."""

from __future__ import annotations

import pytest
from oura_collector.database.choice import parse
from oura_collector.database.connection import Database
from oura_collector.settings import Settings, SettingsError
from sqlalchemy.engine import make_url

URL = "postgresql://writer:p%40ss%3Aw%2Frd@db.example:6543/health?sslmode=verify-full&sslrootcert=/etc/ca.pem"


def test_a_url_reaches_every_program_with_its_password_and_tls_settings() -> None:
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


def test_meltanos_tables_are_searched_in_their_own_schema_only() -> None:
    environment = Database(parse(URL)).environment()

    assert make_url(environment["MELTANO_DATABASE_URI"]).query["options"] == "-clock_timeout=60s -csearch_path=meltano"
    assert "options" not in make_url(environment["TARGET_POSTGRES_SQLALCHEMY_URL"]).query


def test_url_options_are_kept_when_the_search_path_is_added() -> None:
    database = Database(parse("postgresql://writer@db.example/health?options=-cstatement_timeout%3D5min"))

    assert make_url(database.url("meltano")).query["options"] == "-cstatement_timeout=5min -csearch_path=meltano"


def test_a_runs_sessions_carry_its_name_even_if_the_url_names_another() -> None:
    database = Database(parse("postgresql://writer@db.example/health?application_name=mine"))

    assert "application_name" not in make_url(database.url("meltano")).query


def test_a_password_appears_in_no_repr() -> None:
    assert "p@ss" not in repr(Database(parse(URL)))
    assert "p%40ss" not in repr(Settings(database_url=URL))


def test_an_invalid_url_is_not_quoted_in_the_error() -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL: cannot be read") as caught:
        parse("postgresql://writer:secret@[broken")
    assert "secret" not in str(caught.value)


def test_an_unreachable_server_is_reported_in_one_line() -> None:
    with pytest.raises(SettingsError) as caught, Database(parse("postgresql://writer:secret@127.0.0.1:9/x")).connect():
        pass
    assert len(str(caught.value).splitlines()) == 1
    assert "secret" not in str(caught.value)


def test_an_at_sign_in_a_password_does_not_start_the_host() -> None:
    with pytest.raises(SettingsError) as caught:
        parse("postgresql://writer:secret@word@db.example/health")

    assert str(caught.value) == "DATABASE_URL: the password holds an @; write it as %40"
