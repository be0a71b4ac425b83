"""The password is in one file that libpq reads, and in no variable of Meltano."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from oura_collector.database import passfile
from oura_collector.database.choice import parse
from oura_collector.database.connection import Database
from oura_collector.pipeline.environment import surroundings, tidy
from oura_collector.settings import Settings, SettingsError

WHERE = "db.example/health?sslmode=require"


@pytest.fixture(autouse=True)
def _no_password_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)


def variables_of(tmp_path: Path, url: str) -> dict[str, str]:
    return surroundings(Settings(data_dir=tmp_path), Database(parse(url)))


def kept(environment: dict[str, str]) -> Path:
    return Path(environment["PGPASSFILE"])


def test_only_the_owner_reads_the_file_and_no_variable_holds_the_password(tmp_path: Path) -> None:
    environment = variables_of(tmp_path, f"postgresql://writer:p%40ss%3Aw%5Crd@{WHERE}")

    assert kept(environment).read_text() == "*:*:*:*:p@ss\\:w\\\\rd\n"
    assert kept(environment).stat().st_mode & 0o777 == 0o600
    assert kept(environment).parent.stat().st_mode & 0o777 == 0o700
    assert [name for name, value in environment.items() if "p@ss" in value or "p%40ss" in value] == []
    assert environment["DATABASE_PASSWORD"] == environment["DBT_PASSWORD"] == environment["DATABASE_URL"] == ""
    for name in ("MELTANO_DATABASE_URI", "TARGET_POSTGRES_SQLALCHEMY_URL"):
        found = parse(environment[name].replace("+psycopg", "", 1))
        assert found["passfile"] == environment["PGPASSFILE"]
        assert found["sslmode"] == "require"


def test_another_password_replaces_the_one_before_and_none_removes_it(tmp_path: Path) -> None:
    file = kept(variables_of(tmp_path, f"postgresql://writer:one@{WHERE}"))
    file.chmod(0o644)

    assert kept(variables_of(tmp_path, f"postgresql://writer:two@{WHERE}")) == file
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("*:*:*:*:two\n", 0o600)

    assert "PGPASSFILE" not in variables_of(tmp_path, f"postgresql://writer@{WHERE}")
    assert not file.exists()


def test_passwords_of_unused_databases_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.setattr("oura_collector.pipeline.environment.PROJECT", project)
    files = {
        name: kept(variables_of(tmp_path, f"postgresql://writer:secret@db.example/{name}"))
        for name in ("old", "noted", "own")
    }
    (project / ".env").write_text(f"CHOSEN_PASSFILE='{files['noted']}'\n")
    for file in files.values():
        os.utime(file, (0, 0))

    around = variables_of(tmp_path, "postgresql://writer:secret@db.example/own")
    other = kept(variables_of(tmp_path, "postgresql://writer:secret@db.example/of-another-service"))
    tidy(Settings(data_dir=tmp_path), around)

    assert {name: file.exists() for name, file in files.items()} == {"old": False, "noted": True, "own": True}
    assert other.exists()


def test_a_password_from_libpqs_variable_goes_into_the_file_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "outside")

    environment = variables_of(tmp_path, f"postgresql://writer@{WHERE}")

    assert kept(environment).read_text() == "*:*:*:*:outside\n"
    assert environment["PGPASSWORD"] == ""


def test_the_users_own_passfile_is_passed_on(tmp_path: Path) -> None:
    environment = variables_of(tmp_path, f"postgresql://writer@{WHERE}&passfile=/home/writer/.pgpass")

    assert environment["PGPASSFILE"] == "/home/writer/.pgpass"


def test_each_database_has_its_own_folders(tmp_path: Path) -> None:
    one, other = (variables_of(tmp_path, f"postgresql://writer@db.example/{name}") for name in ("health", "demo"))

    for name in ("MELTANO_SYS_DIR_ROOT", "DBT_TARGET_PATH", "DBT_LOG_PATH"):
        assert one[name] != other[name]
        assert Path(one[name]).is_relative_to(tmp_path)


def test_a_line_break_in_a_password_is_refused_without_quoting_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="line break") as caught:
        passfile.hidden(Database(parse("postgresql://writer:one%0Atwo@db/x")), tmp_path)
    assert "two" not in str(caught.value)


def test_the_settings_of_a_pg_service_reach_dbt_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    services = tmp_path / "services"
    services.write_text("[mine]\nhost=db.example\nport=7777\ndbname=health\nuser=writer\npassword=from the service\n")
    monkeypatch.setenv("PGSERVICEFILE", str(services))

    environment = variables_of(tmp_path, "postgresql:///?service=mine&sslmode=require")

    parts = [environment[f"DATABASE_{part}"] for part in ("HOST", "PORT", "NAME", "USER", "SSLMODE")]
    assert parts == ["db.example", "7777", "health", "writer", "require"]
    assert kept(environment).read_text() == "*:*:*:*:from the service\n"
    with pytest.raises(SettingsError, match="no service file knows the service other"):
        parse("postgresql:///?service=other")
