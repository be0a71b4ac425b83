"""Meltano called by hand, in a checkout of its own, on a database with a password."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import psycopg
import pytest
import yaml
from oura_collector.database import passfile
from oura_collector.database.connection import Database
from oura_collector.settings import PROJECT
from oura_simulator.testing import Running, running
from psycopg import sql

from tests.checkout import PASSWORD, Checkout, checkout, server_with_passwords
from tests.collector_process import until, url

FORMS = (PASSWORD, quote(PASSWORD, safe=""), json.dumps(PASSWORD)[1:-1], "p@s s", "p%40s")
"""How the password, or enough of it, looks in the files that could hold it."""

Project = dict[str, Any]


@pytest.fixture(scope="module")
def server() -> Iterator[Database]:
    with server_with_passwords() as database:
        yield database


@pytest.fixture(scope="module")
def simulator() -> Iterator[Running]:
    with running(accounts=2, days=6, today="2026-03-31T20:00:00+00:00") as simulator:
        yield simulator


@pytest.fixture
def copy(server: Database, simulator: Running, tmp_path: Path) -> Checkout:
    """A checkout in which `.env` holds the password, as `cp .env.example .env` and an editor leave it."""
    copy = checkout(tmp_path / "project", TAP_OURA_START_DATE="2026-03-27")
    lines = (PROJECT / ".env.example").read_text() + f"DATABASE_URL={url(server)}\nMAX_RETRIES=0\n"
    (copy.folder / ".env").touch(mode=0o600)
    (copy.folder / ".env").write_text(lines)
    (copy.folder / ".data").mkdir()
    (copy.folder / ".data/simulator.json").write_text(json.dumps({"url": simulator.url}))
    return copy


def project(copy: Checkout) -> Project:
    found: Project = yaml.safe_load((copy.folder / "meltano.yml").read_text())
    return found


def holders(folder: Path) -> set[str]:
    """The files below a folder in which the password is found."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    texts = ((path, path.read_text(errors="replace")) for path in files)
    return {path.name for path, text in texts if any(form in text for form in FORMS)}


def tracked(copy: Checkout) -> dict[str, bytes]:
    """Everything that Git would keep of the checkout."""
    subprocess.run(["git", "init", "--quiet"], cwd=copy.folder, check=True)
    listed = ["git", "ls-files", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, cwd=copy.folder, check=True, capture_output=True).stdout.split(b"\0")
    files = (copy.folder / name.decode() for name in names if name)
    return {str(file.relative_to(copy.folder)): file.read_bytes() for file in files if file.is_file()}


def test_meltano_commands_can_edit_the_project_and_runs_continue(
    copy: Checkout, server: Database, simulator: Running
) -> None:
    assert "collect.py:" not in copy.collect("setup")
    before, files, lines = project(copy), tracked(copy), (copy.folder / "meltano.yml").read_text().splitlines()
    copy.meltano("run", "sync")

    copy.meltano("config", "set", "tap-oura", "timeout_seconds", "42")
    copy.meltano("select", "tap-oura", "daily_readiness", "*")
    copy.meltano("select", "tap-oura", "collection_days", "*")
    copy.meltano("schedule", "add", "nightly", "--job", "sync", "--interval", "@daily")
    copy.meltano("schedule", "remove", "hourly")
    copy.meltano("job", "add", "mine", "--tasks", "tap-oura target-postgres")
    assert "dev:tap-oura-to-target-postgres" in copy.meltano("state", "list")
    copy.meltano("config", "set", "target-postgres", "batch_size_rows", "400")

    after = project(copy)
    tap, loader = (before["plugins"][kind][0] for kind in ("extractors", "loaders"))
    tap["config"]["timeout_seconds"] = 42
    tap["select"] = ["daily_readiness.*", "collection_days.*"]
    loader["config"]["batch_size_rows"] = 400
    before["schedules"] = [{"name": "nightly", "interval": "@daily", "job": "sync"}]
    before["jobs"] += [{"name": "mine", "tasks": ["tap-oura target-postgres"]}]
    assert after == before
    new = (copy.folder / "meltano.yml").read_text().splitlines()
    gone = ["      batch_size_rows: 500", "- name: hourly", "  interval: 0 * * * *"]
    assert [line for line in lines if line not in new] == gone, "a line that nobody asked for, perhaps a comment"

    later = tracked(copy)
    assert {name for name in {*files, *later} if files.get(name) != later.get(name)} == {"meltano.yml"}
    assert not any(form in (copy.folder / "meltano.yml").read_text() for form in FORMS)
    assert holders(copy.folder / ".data") == {passfile.NAME}
    assert holders(copy.folder / ".meltano") == set()

    day = "2026-03-30"
    simulator.edit(user="user-1", collection="daily_readiness", op="rescore", day=day, score=41)
    copy.meltano("run", "sync")
    with server.connect() as connection:
        found = connection.execute(
            "SELECT readiness_score FROM oura_readiness WHERE (user_id, date) = ('user-1', %s)", [day]
        )
        assert found.fetchall() == [(41,)]


def test_any_password_reaches_meltano_loader_and_dbt_through_the_file(server: Database, tmp_path: Path) -> None:
    dbt = PROJECT / ".meltano/utilities/dbt/venv/bin/python"
    program = "import os, psycopg2; psycopg2.connect(host=os.environ['H'], user='writer', dbname='health', password='')"
    for password in ("simple", PASSWORD, ":", "\\", "\\:", "#1", " spaces ", "päß", "%41", "*", "'; \"", "a" * 500):
        with server.connect() as connection:
            connection.execute(sql.SQL("ALTER ROLE writer PASSWORD {}").format(sql.Literal(password)))
        try:
            hidden = passfile.hidden(Database({**server.parameters, "password": password}), tmp_path)
            environment = {**hidden.environment(), "H": server.parameters["host"]}
            assert "password" not in hidden.parameters

            with psycopg.connect(hidden.url().replace("+psycopg", "", 1)) as connection:
                assert connection.execute("SELECT current_user").fetchone() == ("writer",)
            subprocess.run([dbt, "-c", program], env=environment, check=True)
        finally:
            with Database({**server.parameters, "password": password}).connect() as connection:
                connection.execute(sql.SQL("ALTER ROLE writer PASSWORD {}").format(sql.Literal(PASSWORD)))


def test_an_upgrade_removes_the_old_project_file_and_names_meltanos_copies_of_it(
    copy: Checkout, server: Database
) -> None:
    old = copy.folder / ".data/local.meltano.yml"
    note = {"database_uri": server.url("meltano"), "env": {"CHOSEN_DATABASE_PASSWORD": PASSWORD}}
    ours = (copy.folder / "meltano.yml").read_text()

    def note_down() -> None:
        old.write_text(json.dumps(note, indent=2))

    note_down()
    (copy.folder / ".env").chmod(0o644)
    output = copy.collect("setup")
    assert output.splitlines() == [output.strip()]
    assert output.startswith("collect.py: .env contains secrets")
    assert not old.exists()
    (copy.folder / ".env").chmod(0o600)

    note_down()
    (copy.folder / "meltano.yml").write_text(ours + "include_paths:\n- .data/*.meltano.yml\n")
    copy.meltano("schedule", "add", "nightly", "--job", "sync", "--interval", "@daily")
    assert holders(copy.folder) >= {"meltano.yml"}, "Meltano moves nothing any more: the warning can go"
    output = copy.collect("setup")
    assert output.startswith("collect.py: meltano.yml contains the address of the database")
    assert len(output.splitlines()) == 1
    assert not any(form in output for form in FORMS)

    (copy.folder / "meltano.yml").write_text(ours)
    assert copy.collect("setup") == ""


def test_the_next_run_removes_the_files_of_a_killed_run(copy: Checkout, simulator: Running) -> None:
    live = {"OURA_API_URL": simulator.url, "OURA_API_TOKEN": "token-1"}
    simulator.fault("slow", ms=3000)
    process = copy.start("python", "collect.py", "--once", **live)
    data = copy.folder / ".data"
    until(lambda: bool([*data.glob("meltano/*/run/target-postgres/*.config.json")]), "the loader has its settings")
    tree = psutil.Process(process.pid).children(recursive=True)
    for each in [psutil.Process(process.pid), *tree]:
        each.kill()
    process.communicate()
    simulator.reset()
    (place,) = data.glob("meltano/*")
    assert holders(data) == {passfile.NAME}
    assert [*place.glob("run/*/*.config.json")]
    (place / "batches-left").mkdir(exist_ok=True)

    older = copy.folder / ".meltano/run/target-postgres/target.1.config.json"
    under_way = older.with_name("target.2.config.json")
    other = older.with_name("target.3.config.json")
    older.parent.mkdir(parents=True)
    for file in (older, under_way, other):
        file.write_text('{"sqlalchemy_url": "postgresql+psycopg://writer:secret@db/health"}')
    other.write_text('{"sqlalchemy_url": "postgresql+psycopg://writer@db/health"}')
    for file in (older, other):
        os.utime(file, (time.time() - 3600,) * 2)

    copy.collect("--once", code=1, **{**live, "OURA_API_URL": "http://127.0.0.1:9"})

    assert not [*place.glob("run/*/*.config.json")]
    assert not [*place.glob("batches-*")]
    assert (older.exists(), under_way.exists(), other.exists()) == (False, True, True)
