"""Which of libpq's parameters a database URL may have, and how each program gets them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from oura_collector.database.choice import chosen, parse
from oura_collector.database.connection import Database
from oura_collector.settings import Settings, SettingsError

if TYPE_CHECKING:
    from .conftest import Collect

NOWHERE = "postgresql://writer:planted@127.0.0.1:9/health"

UNKNOWN = "replication sslpassword scram_client_key oauth_client_secret client_encoding min_protocol_version"
REFUSED = {
    "postgresql://writer:planted@one,two/health": "several hosts are not supported",
    "postgresql:///health?host=one,two": "several hosts are not supported",
    "postgresql:///health?hostaddr=10.0.0.1,10.0.0.2": "several hosts are not supported",
    "postgresql://writer@one/health?port=1,2": "several hosts are not supported",
    **{f"{NOWHERE}?{name}=planted": f"`{name}` is not supported" for name in UNKNOWN.split()},
    **{
        f"{NOWHERE}?connect_timeout={text}": "`connect_timeout` must be a number of seconds"
        for text in ("x", "1h", "1e3", "10.5")
    },
}
VALUES = {
    "sslcert": "/etc/writer.crt",
    "sslkey": "/etc/writer.key",
    "sslcrl": "/etc/crl.pem",
    "hostaddr": "10.0.0.1",
    "options": "-cstatement_timeout=5min",
    "target_session_attrs": "read-write",
    "channel_binding": "require",
    "connect_timeout": "7",
}
TAKEN = """
from psycopg import pq
print({each.keyword: each.val for each in pq.Conninfo.get_defaults()}[%r].decode())"""


@pytest.mark.parametrize("setting", ["DATABASE_URL", "DATABASE_DIRECT_URL"])
@pytest.mark.parametrize("url", REFUSED)
def test_an_option_that_cannot_reach_every_program_is_refused_by_name(url: str, setting: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(url, setting)

    assert str(caught.value).startswith(f"{setting}: {REFUSED[url]}")
    assert len(str(caught.value).splitlines()) == 1
    assert "planted" not in str(caught.value)


def test_several_hosts_in_libpqs_variable_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "one,two")

    with pytest.raises(SettingsError, match="PGHOST: several hosts are not supported"):
        parse("postgresql:///health")
    assert parse("postgresql://writer@one/health")["host"] == "one"


def test_several_hosts_in_database_host_are_refused() -> None:
    with pytest.raises(SettingsError, match="DATABASE_HOST: several hosts"):
        chosen(Settings(database_url=None, database_host="one,two"))


@pytest.mark.parametrize("rest", ["connect_timeout=x", "replication=true", "sslmode=x", "target_session_attrs=x"])
def test_an_invalid_value_is_one_line_and_exit_code_2(collect: Collect, rest: str) -> None:
    done = collect("--once", DATABASE_URL=f"{NOWHERE}?{rest}", OURA_API_TOKEN="token-1")

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "planted" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("collect.py: ")


@pytest.mark.parametrize("name", VALUES)
def test_an_accepted_option_reaches_every_program(name: str) -> None:
    database = Database(parse(f"postgresql://db.example/health?{name}={VALUES[name].replace('=', '%3D')}"))
    environment = database.environment()

    for url in ("MELTANO_DATABASE_URI", "TARGET_POSTGRES_SQLALCHEMY_URL"):
        assert VALUES[name] in parse(environment[url].replace("+psycopg", "", 1))[name]
    # dbt, build.py and psql: libpq itself says what it makes of the variables.
    command, variables = [sys.executable, "-c", TAKEN % name.encode()], {**os.environ, **environment}
    output = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    assert output.stdout.strip() == VALUES[name]


def test_tuning_options_are_accepted_but_a_run_names_its_own_sessions() -> None:
    environment = Database(parse("postgresql://db.example/health?keepalives_idle=5&application_name=me")).environment()

    assert "keepalives_idle=5" in environment["TARGET_POSTGRES_SQLALCHEMY_URL"]
    assert "PGAPPNAME" not in environment


def test_libpq_variables_except_the_password_reach_dbt(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"HOST": "db.example", "PORT": "7777", "SSLMODE": "require", "PASSWORD": "planted"}.items():
        monkeypatch.setenv(f"PG{name}", value)

    environment = Database(parse("postgresql:///health")).environment()

    variables = {name: environment[f"DATABASE_{name}"] for name in ("HOST", "PORT", "SSLMODE")}
    assert variables == {"HOST": "db.example", "PORT": "7777", "SSLMODE": "require"}
    assert "planted" not in environment.values()
