"""Every example in the tap's README works as it stands, and fails if an account does."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from oura_collector.settings import PROJECT
from oura_simulator.testing import Running, running
from ruamel.yaml import YAML

from tests.other_stacks import PROGRAMS, ForeignProject, environment, install, target_jsonl

TAP = PROJECT / "tap-oura"
EXAMPLES = re.findall(r"^```\w+\n(.*?)^```", (TAP / "README.md").read_text(), re.MULTILINE | re.DOTALL)
BEGINNINGS = {
    "pipe": "pip install",
    "accounts": '{"accounts"',
    "batches": '{"batch_config"',
    "shard": "TAP_OURA_SHARD_INDEX",
    "meltano": "meltano add --from-ref /",
    "checkout": "sed ",
    "script": "#!/bin/bash",
    "cron": "0 * * * *",
    "airflow": "from airflow",
    "dagster": "import subprocess\n\nimport dagster",
}
FEW: dict[str, Any] = {"start_date": "2026-03-20", "collections": ["daily_sleep"]}
LIBRARY = next(path for path in sys.path if path.endswith("site-packages"))


def example(name: str, **instead: str) -> str:
    """The only code block that begins like this, with something for each placeholder."""
    (found,) = (block for block in EXAMPLES if block.startswith(BEGINNINGS[name]))
    for placeholder, value in {"/path/to/tap-oura": str(TAP), **instead}.items():
        found = found.replace(placeholder, value)
    return str(found)


@pytest.fixture(scope="module")
def simulator() -> Iterator[Running]:
    with running(accounts=2, days=6, today="2026-03-31T20:00:00+00:00") as simulator:
        yield simulator


@pytest.fixture
def variables(simulator: Running, tmp_path: Path) -> dict[str, str]:
    return {"TAP_OURA_API_URL": simulator.url, "TAP_OURA_START_DATE": "2026-03-20", "XDG_DATA_HOME": str(tmp_path)}


@dataclass
class Home:
    """The folder that the README calls /srv/oura."""

    folder: Path
    api_url: str

    def set_accounts(self, *tokens: str) -> None:
        accounts = [{"user": f"user-{number}", "access_token": token} for number, token in enumerate(tokens, start=1)]
        config = {"api_url": self.api_url, "accounts": accounts, **FEW}
        (self.folder / "tap.json").write_text(json.dumps(config))

    def users(self) -> set[str]:
        return {row["user_id"] for row in self.nights()}

    def nights(self) -> list[dict[str, Any]]:
        return rows(self.folder, "daily_sleep")


def rows(folder: Path, stream: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{stream}.jsonl").read_text().splitlines()]


@pytest.fixture
def home(simulator: Running, tmp_path: Path) -> Home:
    """Set up as the README says, with an environment in which tap and target are installed."""
    programs = tmp_path / ".venv/bin"
    programs.mkdir(parents=True)
    for program in (PROGRAMS / "tap-oura", target_jsonl()):
        (programs / program.name).symlink_to(program)
    (tmp_path / "collect").write_text(example("script"))
    (tmp_path / "collect").chmod(0o755)
    (tmp_path / "target.json").write_text('{"do_timestamp_file": false}')
    return Home(tmp_path, simulator.url)


Call = Callable[[Home], int]


def script(home: Home) -> int:
    return subprocess.run([home.folder / "collect"], env=environment(), cwd="/", check=False).returncode


def cron(home: Home) -> int:
    """As cron calls a line's command: with a shell and little of an environment."""
    *_, command = example("cron", **{"/srv/oura": str(home.folder)}).split(maxsplit=5)
    bare = {"PATH": "/usr/bin:/bin", "HOME": str(home.folder)}
    return subprocess.run(["/bin/sh", "-c", command], env=bare, cwd="/", check=False).returncode


def airflow(home: Home) -> int:
    """Airflow's own operator, without its scheduler."""
    programs = install("apache-airflow-providers-standard==1.21.0", "apache-airflow==3.3.2")
    file = home.folder / "dag.py"
    file.write_text(example("airflow", **{"/srv/oura": str(home.folder)}) + "\ncollect.execute({})\n")
    variables = environment(programs, AIRFLOW_HOME=str(home.folder / "airflow"))
    return subprocess.run([programs / "python", file], env=variables, check=False).returncode


def dagster(home: Home) -> int:
    programs = install("dagster==1.13.28")
    file = home.folder / "assets.py"
    file.write_text(example("dagster", **{"/srv/oura": str(home.folder)}))
    materialize = ["dagster", "asset", "materialize", "--select", "oura_raw", "--python-file", str(file)]
    variables = environment(programs)
    return subprocess.run(materialize, env=variables, cwd=home.folder, check=False).returncode


@pytest.mark.parametrize(
    "call", [script, cron, *(pytest.param(framework, marks=pytest.mark.soak) for framework in (airflow, dagster))]
)
def test_a_dead_account_fails_the_task_and_the_others_are_loaded(call: Call, home: Home) -> None:
    home.set_accounts("token-1", "dead")

    assert call(home) != 0
    assert home.users() == {"user-1"}

    home.set_accounts("token-1", "token-2")
    before = len(home.nights())

    assert call(home) == 0
    assert {row["user_id"] for row in home.nights()[before:]} == {"user-2"}, "the state was not kept"


def test_wrong_settings_fail_the_task_and_keep_the_state(home: Home) -> None:
    (home.folder / "state.json").write_text('{"bookmarks": {}}')
    (home.folder / "tap.json").write_text('{"start_date": "yesterday"}')

    assert script(home) == 2
    assert (home.folder / "state.json").read_text() == '{"bookmarks": {}}'


def test_a_failing_target_fails_the_task(home: Home) -> None:
    home.set_accounts("token-1")
    (home.folder / "target.json").write_text("no JSON")

    assert script(home) != 0
    assert json.loads((home.folder / "state.json").read_text()) == {}


def test_the_pipe(variables: dict[str, str], tmp_path: Path) -> None:
    """With a token in the place of a login, which a person has to take part in."""
    venv.create(tmp_path / "env", with_pip=True)
    (site,) = (tmp_path / "env").glob("lib/python*/site-packages")
    # What the tap needs comes from this environment, so that no index is asked.
    (site / "needed.pth").write_text(LIBRARY)
    variables |= {"PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1", "PIP_IGNORE_INSTALLED": "1", "PIP_NO_CACHE_DIR": "1"}
    variables["PIP_NO_BUILD_ISOLATION"] = "0"  # It is pip's value of `build_isolation`.
    variables["TAP_OURA_COLLECTIONS"] = json.dumps(FEW["collections"])
    shutil.copytree(TAP, tmp_path / "tap-oura", ignore=shutil.ignore_patterns("__pycache__"))

    def pipe(token: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-o", "pipefail", "-e", "-c", example("pipe", **{"tap-oura login": ":"})],
            cwd=tmp_path,
            env=environment(tmp_path / "env/bin", target_jsonl().parent, **variables, TAP_OURA_ACCESS_TOKEN=token),
            check=False,
            stderr=subprocess.PIPE,
            text=True,
        )

    dead = pipe("dead")
    assert dead.returncode == 1
    assert "not read: everything of the only account" in dead.stderr
    assert not [*tmp_path.glob("daily_sleep*.jsonl")]

    good = pipe("token-1")
    assert good.returncode == 0, good.stderr
    assert [*tmp_path.glob("daily_sleep*.jsonl")]


@pytest.mark.parametrize("name", ["accounts", "batches"])
def test_the_settings_in_json(name: str, simulator: Running, tmp_path: Path) -> None:
    text = example(name, **{"file:///var/tmp/oura": f"file://{tmp_path}/batches"})
    for number in (1, 2):
        text = text.replace('"..."', f'"token-{number}"', 1)
    settings = json.loads(text)
    config = {"api_url": simulator.url, "access_token": "token-1", "start_date": "2026-03-20", **settings}
    (tmp_path / "config.json").write_text(json.dumps(config))

    tap = [str(PROGRAMS / "tap-oura"), "--config", "config.json"]
    done = subprocess.run(tap, cwd=tmp_path, env=environment(), check=True, capture_output=True, text=True)

    messages = [json.loads(line) for line in done.stdout.splitlines()]
    users = {message["record"]["user_id"] for message in messages if message["type"] == "RECORD"}
    assert len(users) == len(settings.get("accounts", [1]))
    assert any(message["type"] == "BATCH" for message in messages) == (name == "batches")


@pytest.fixture
def foreign(variables: dict[str, str], tmp_path: Path) -> ForeignProject:
    return ForeignProject(tmp_path, variables)


@pytest.mark.parametrize(("token", "code"), [("token-1", 0), ("dead", 1)])
def test_the_meltano_project(token: str, code: int, foreign: ForeignProject) -> None:
    foreign.shell(example("meltano", **{"...": token}), code)

    assert token not in (foreign.folder / "meltano.yml").read_text()
    assert token in (foreign.folder / ".env").read_text()
    if code == 0:
        assert {file.stem for file in foreign.folder.glob("*.jsonl")} == {"sleep", "daily_sleep", "collection_days"}
        assert {row["user_id"] for row in rows(foreign.folder, "sleep")} == {"user-1"}


def test_the_meltano_project_with_a_checkout(foreign: ForeignProject) -> None:
    foreign.shell(example("checkout"))

    assert foreign.extractor["pip_url"] == str(TAP)
    assert len(foreign.extractor["settings"]) == len(YAML(typ="safe").load(TAP / "plugin.yml")["settings"])


def test_the_shard(foreign: ForeignProject) -> None:
    accounts = [{"user": f"user-{number}", "access_token": f"token-{number}"} for number in (1, 2)]
    foreign.variables |= {
        "TAP_OURA_ACCOUNTS": json.dumps(accounts),
        "TAP_OURA_COLLECTIONS": json.dumps(FEW["collections"]),
    }
    foreign.shell(f"meltano add --from-ref {TAP}/plugin.yml tap-oura\n" + example("shard"))

    assert "shard-0-of-4" in foreign.shell("meltano state list")


def test_every_example_is_one_of_these() -> None:
    assert [block for block in EXAMPLES if not block.startswith(tuple(BEGINNINGS.values()))] == []
    assert len(EXAMPLES) == len(BEGINNINGS)
