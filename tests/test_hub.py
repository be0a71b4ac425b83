"""The tap's definitions for MeltanoHub and for other projects: they match the tap, and Meltano accepts them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import meltano.schemas
import pytest
from jsonschema import Draft202012Validator
from oura_collector.settings import PROJECT
from oura_simulator.testing import Running, running
from ruamel.yaml import YAML

from tests.other_stacks import ForeignProject

TAP = PROJECT / "tap-oura"
FILES = ("hub/tap-oura.yml", "plugin.yml")
PLUGIN: dict[str, Any] = YAML(typ="safe").load(TAP / "plugin.yml")


@pytest.fixture(scope="module")
def simulator() -> Iterator[Running]:
    with running(accounts=2, days=6, today="2026-03-31T20:00:00+00:00") as simulator:
        yield simulator


@pytest.fixture
def foreign(tmp_path: Path, simulator: Running) -> ForeignProject:
    project = ForeignProject(tmp_path, {"TAP_OURA_API_URL": simulator.url})
    project.shell(f"meltano add --from-ref {TAP}/plugin.yml tap-oura")
    return project


def test_the_definitions_match_the_tap(tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub/definition.py").write_bytes((TAP / "hub/definition.py").read_bytes())
    subprocess.run([sys.executable, tmp_path / "hub/definition.py"], check=True, timeout=60)

    for file in FILES:
        assert (tmp_path / file).read_text() == (TAP / file).read_text(), "run `make generated`"


def test_the_plugin_is_valid_against_meltanos_schema() -> None:
    schema = json.loads(files(meltano.schemas).joinpath("meltano.schema.json").read_text())
    extractor = Draft202012Validator({"$defs": schema["$defs"], "$ref": "#/$defs/plugins/extractors"})

    assert [error.message for error in extractor.iter_errors(PLUGIN)] == []
    assert list(extractor.iter_errors(PLUGIN | {"capabilities": ["none such"]}))


def test_the_hub_gets_the_plugin_and_what_its_pages_show() -> None:
    hub = YAML(typ="safe").load(TAP / "hub/tap-oura.yml")

    assert {name: value for name, value in hub.items() if name in PLUGIN} == PLUGIN
    assert hub.keys() - PLUGIN.keys() == {"domain_url", "keywords", "maintenance_status"}


def test_meltano_adds_the_tap_with_all_settings_and_knows_its_secrets(foreign: ForeignProject) -> None:
    settings = foreign.extractor["settings"]

    assert [setting["name"] for setting in settings] == [setting["name"] for setting in PLUGIN["settings"]]
    assert {setting["name"] for setting in settings if setting.get("sensitive")} == {
        "access_token",
        "refresh_token",
        "client_secret",
        "accounts",
    }


def test_every_kind_of_setting_reaches_the_tap(foreign: ForeignProject, simulator: Running, tmp_path: Path) -> None:
    account = simulator.accounts[0]
    written = {
        "client_secret": account["client_secret"],
        "refresh_token": account["refresh_token"],
        "collections": '["daily_sleep", "workout"]',
        "start_date": "2026-03-28",
    }
    foreign.shell("\n".join(f"meltano config set tap-oura {name} '{value}'" for name, value in written.items()))
    foreign.variables |= {
        "TAP_OURA_CLIENT_ID": account["client_id"],
        "TAP_OURA_TOKEN_STORE": str(tmp_path / "tokens"),
        "TAP_OURA_END_DATE": "2026-03-29",
        "TAP_OURA_SKIP_UNCHANGED": "false",
        "TAP_OURA_CONCURRENCY": "1",
    }

    foreign.shell("meltano run tap-oura target-jsonl")

    rows = [json.loads(line) for line in (tmp_path / "daily_sleep.jsonl").read_text().splitlines()]
    assert {(row["user_id"], row["day"]) for row in rows} == {("user-1", "2026-03-28"), ("user-1", "2026-03-29")}
    assert {file.stem for file in tmp_path.glob("*.jsonl")} <= {"daily_sleep", "workout", "collection_days"}
    assert 200 in [each["status"] for each in simulator.requests() if each.get("grant_type") == "refresh_token"]
    assert [*(tmp_path / "tokens").glob("*.json")]
    project = (tmp_path / "meltano.yml").read_text()
    assert not [secret for secret in ("client_secret", "refresh_token") if written[secret] in project]


def test_a_day_in_meltano_yml_needs_no_quotes(foreign: ForeignProject, tmp_path: Path) -> None:
    project = YAML(typ="safe").load(tmp_path / "meltano.yml")
    project["plugins"]["extractors"][0]["config"] = {"start_date": date(2026, 3, 30), "collections": ["daily_sleep"]}
    YAML().dump(project, tmp_path / "meltano.yml")
    assert "start_date: 2026-03-30" in (tmp_path / "meltano.yml").read_text()

    foreign.shell("TAP_OURA_ACCESS_TOKEN=token-2 meltano run tap-oura target-jsonl")

    rows = [json.loads(line) for line in (tmp_path / "daily_sleep.jsonl").read_text().splitlines()]
    assert min(row["day"] for row in rows) == "2026-03-30"
    assert {row["user_id"] for row in rows} == {"user-2"}
