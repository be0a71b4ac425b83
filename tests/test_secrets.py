"""Nothing secret is in what a run leaves behind, whether it ends well, fails or is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest
from oura_collector.database import passfile
from oura_collector.database.connection import Database
from oura_collector.settings import PROJECT
from oura_simulator.testing import Running, running
from tap_oura.credentials.files import Files

from tests.checkout import PASSWORD, server_with_passwords
from tests.collector_process import url
from tests.conftest import NOW
from tests.shared import dbt_folders

OF_DATABASE = (PASSWORD, quote(PASSWORD, safe=""))
COMMENT = "a private remark that nobody else should read"
MAILBOX = "@example.com"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Running]:
    with running(accounts=2, days=5, today=NOW) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def server() -> Iterator[Database]:
    with server_with_passwords() as server:
        yield server


@pytest.fixture
def environment(simulator: Running, server: Database, tmp_path: Path) -> Iterator[dict[str, str]]:
    """An operator's environment: one account with a first refresh token, its application's secret, a database."""
    simulator.reset()
    simulator.call("POST", "oauth", {"expires_in": 86400})
    tag = simulator.documents("user-1", "enhanced_tag")
    if tag:
        edit = {"id": tag[-1]["id"], "set": {"comment": COMMENT}}
        simulator.edit(user="user-1", collection="enhanced_tag", op="change", **edit)
    account = simulator.accounts[0]
    database = Database({**server.parameters, "dbname": "secrets"})
    with server.connect() as connection:
        connection.execute(b"CREATE DATABASE secrets")
    ours = ("TAP_OURA", "MELTANO", "OURA_", "DATABASE_", "PG")
    yield {
        **{name: value for name, value in os.environ.items() if not name.startswith(ours)},
        "DATABASE_URL": url(database),
        "NOTIFY_WEBHOOK_SECRET": "planted secret of the webhook",
        "AWS_SECRET_ACCESS_KEY": "planted key of AWS",
        "DATA_DIR": str(tmp_path / "data"),
        **dbt_folders(database),
        "DBT_LOG_PATH": str(tmp_path / "logs"),
        "OURA_API_URL": simulator.url,
        "OURA_CLIENT_ID": account["client_id"],
        "OURA_CLIENT_SECRET": account["client_secret"],
        "OURA_REFRESH_TOKEN": account["refresh_token"],
        "DAYS_TO_BACKFILL": "5",
        "MAX_RETRIES": "0",
        "TAP_OURA_START_DATE": "2026-03-27",
    }
    with server.connect() as connection:
        connection.execute(b"DROP DATABASE secrets WITH (FORCE)")


def start(environment: dict[str, str], output: Path) -> subprocess.Popen[bytes]:
    with output.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "collect.py", "--once"],
            cwd=PROJECT,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


@dataclass
class Seen:
    """What was seen of a run while it went on."""

    arguments: set[str] = field(default_factory=set)
    """Of every process of the machine."""
    environments: dict[str, set[str]] = field(default_factory=dict)
    """The values of all variables, by program: `meltano`, `tap-oura`, `target-postgres`, `build.py`."""
    open_to_others: set[str] = field(default_factory=set)
    """Files and folders of the data folder that others could read."""

    def look(self, run: psutil.Process, data: Path) -> None:
        for arguments in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                self.arguments.add(arguments.read_text(errors="replace"))
        with suppress(psutil.Error):
            for process in run.children(recursive=True):
                with suppress(psutil.Error):
                    for name in {Path(part).name for part in process.cmdline()[:2]} & set(PROGRAMS):
                        self.environments.setdefault(name, set()).update(process.environ().values())
        for path in data.rglob("*"):
            with suppress(OSError):
                if not path.is_symlink() and path.stat().st_mode & 0o077:
                    self.open_to_others.add(str(path))


PROGRAMS = ("meltano", "tap-oura", "target-postgres", "build.py")


def watched(process: subprocess.Popen[bytes], environment: dict[str, str]) -> Seen:
    """Wait for the end of a run, and watch it meanwhile."""
    seen = Seen()
    run = psutil.Process(process.pid)
    while process.poll() is None:
        seen.look(run, Path(environment["DATA_DIR"]))
        time.sleep(0.2)
    return seen


def secrets(simulator: Running, environment: dict[str, str]) -> list[str]:
    """What was planted, and what Oura has handed out since."""
    record = Files(Path(environment["DATA_DIR"], "credentials")).read("default")
    planted = [environment[name] for name in ("OURA_CLIENT_SECRET", "OURA_REFRESH_TOKEN", "NOTIFY_WEBHOOK_SECRET")]
    planted += [environment["AWS_SECRET_ACCESS_KEY"], *OF_DATABASE]
    issued = [record.access_token, record.refresh_token] if record else []
    return [secret for secret in [*planted, *issued] if secret]


def left_behind(environment: dict[str, str], output: Path, tmp_path: Path) -> dict[str, str]:
    """All text that a run leaves: its output, Meltano's and dbt's files, the data folder but the vault, the state."""
    found = {"output": output.read_text(errors="replace")}
    folders = [
        PROJECT / ".meltano" / "run",
        PROJECT / ".meltano" / "logs",
        tmp_path,
        Path(environment["DBT_TARGET_PATH"]),
    ]
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and "credentials" not in path.parts and path.name != passfile.NAME:
                found[str(path)] = path.read_text(errors="replace")
    dump = subprocess.run(
        [sys.executable, "-c", DUMP, environment["DATABASE_URL"]], capture_output=True, text=True, check=True
    )
    return {**found, "state": dump.stdout}


DUMP = """
import sys, psycopg
with psycopg.connect(sys.argv[1]) as connection:
    tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'meltano'").fetchall()
    for (name,) in tables:
        for row in connection.execute(f'SELECT t::text FROM meltano."{name}" t'):
            print(row[0])
"""


def assert_clean(texts: dict[str, str], secrets: list[str]) -> None:
    assert len(secrets) >= 2
    for place, text in texts.items():
        for secret in secrets:
            assert secret not in text, f"a secret in {place}"
        assert COMMENT not in text, f"a health record in {place}"
        assert MAILBOX not in text, f"an e-mail address in {place}"


def test_a_successful_run_leaves_no_secret_anywhere(
    simulator: Running, environment: dict[str, str], tmp_path: Path
) -> None:
    output = tmp_path / "output"

    process = start(environment, output)
    seen = watched(process, environment)

    assert process.returncode == 0, output.read_text()[-3000:]
    assert any("target-postgres" in arguments for arguments in seen.arguments)
    planted = secrets(simulator, environment)
    assert len(planted) == 8
    assert_clean({**left_behind(environment, output, tmp_path), "arguments": "\n".join(seen.arguments)}, planted)
    assert {*Path(environment["DATA_DIR"]).glob(f"meltano/*/{passfile.NAME}")}
    assert seen.open_to_others == set()

    of_oura = {environment["OURA_CLIENT_SECRET"], environment["OURA_REFRESH_TOKEN"]}
    for program in PROGRAMS:
        found = {secret for secret in planted for value in seen.environments[program] if secret in value}
        assert found == (of_oura if program in ("meltano", "tap-oura") else set()), program


@pytest.mark.parametrize("fault", [{"kind": "token_status", "code": 500}, {"kind": "token_drop_after_rotation"}])
def test_a_run_with_a_failed_refresh_leaves_no_secret_anywhere(
    simulator: Running, environment: dict[str, str], tmp_path: Path, fault: dict[str, str]
) -> None:
    simulator.fault(**fault)
    output = tmp_path / "output"

    process = start({**environment, "LOG_LEVEL": "debug"}, output)
    watched(process, environment)

    assert process.returncode == 1
    assert "default" in output.read_text() or "the only account" in output.read_text()
    assert_clean(left_behind(environment, output, tmp_path), secrets(simulator, environment))


def test_a_run_killed_while_extracting_leaves_no_secret_anywhere(
    simulator: Running, environment: dict[str, str], tmp_path: Path
) -> None:
    simulator.fault("slow", ms=300)
    output = tmp_path / "output"

    process = start(environment, output)
    deadline = time.monotonic() + 60
    while len(simulator.requests()) < 5 and time.monotonic() < deadline:
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()

    assert len(simulator.requests()) >= 5, output.read_text()[-3000:]
    planted = secrets(simulator, environment)
    assert len(planted) == 8
    assert_clean(left_behind(environment, output, tmp_path), planted)


def test_a_secret_in_a_database_url_is_not_shown(environment: dict[str, str], tmp_path: Path) -> None:
    output = tmp_path / "output"
    address = f"postgresql://collector:{quote('planted password')}@127.0.0.1:9/app"

    process = start({**environment, "DATABASE_URL": address}, output)

    assert process.wait(60) == 2
    assert "planted" not in output.read_text()
