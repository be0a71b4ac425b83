"""The tap's definition for MeltanoHub: it matches the tap, and Meltano accepts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import meltano.schemas
from jsonschema import Draft202012Validator
from oura_collector.settings import PROJECT
from ruamel.yaml import YAML

HUB = PROJECT / "tap-oura" / "hub"
DEFINITION: dict[str, Any] = YAML(typ="safe").load(HUB / "tap-oura.yml")
OF_THE_HUB = {"domain_url", "keywords", "maintenance_status"}
"""What only its pages show."""


def test_the_hub_definition_matches_the_tap(tmp_path: Path) -> None:
    (tmp_path / "definition.py").write_bytes((HUB / "definition.py").read_bytes())
    subprocess.run([sys.executable, tmp_path / "definition.py"], check=True, timeout=60)

    assert (tmp_path / "tap-oura.yml").read_text() == (HUB / "tap-oura.yml").read_text(), "run `make generated`"


def test_the_hub_definition_is_valid_against_meltanos_schema() -> None:
    schema = json.loads(files(meltano.schemas).joinpath("meltano.schema.json").read_text())
    extractor = Draft202012Validator({"$defs": schema["$defs"], "$ref": "#/$defs/plugins/extractors"})
    plugin = {key: value for key, value in DEFINITION.items() if key not in OF_THE_HUB}

    assert [error.message for error in extractor.iter_errors(plugin)] == []
    assert list(extractor.iter_errors(plugin | {"capabilities": ["none such"]}))


def test_meltano_adds_the_tap_by_its_hub_definition_and_knows_its_secrets(tmp_path: Path) -> None:
    (tmp_path / "meltano.yml").write_text("project_id: other\nsend_anonymous_usage_stats: false\n")
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MELTANO_")}
    subprocess.run(
        [
            Path(sys.executable).with_name("meltano"),
            "add",
            "--no-install",
            "--from-ref",
            HUB / "tap-oura.yml",
            "tap-oura",
        ],
        cwd=tmp_path,
        env=outside,
        check=True,
        timeout=60,
    )
    (added,) = YAML(typ="safe").load(tmp_path / "meltano.yml")["plugins"]["extractors"]

    assert [setting["name"] for setting in added["settings"]] == [setting["name"] for setting in DEFINITION["settings"]]
    assert {setting["name"] for setting in added["settings"] if setting.get("sensitive")} == {
        "access_token",
        "refresh_token",
        "client_secret",
        "accounts",
    }
