"""`python tap-oura/hub/definition.py` writes tap-oura.yml: what MeltanoHub tells a project about the tap."""

from __future__ import annotations

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

FILE = Path(__file__).with_name("tap-oura.yml")
HEADER = """\
# Written by definition.py from the tap's own settings: change those. A pull request to MeltanoHub adds `repo`, the
# address of the repository.
"""

CREDENTIALS = [["access_token"], ["refresh_token", "client_id", "client_secret"], ["accounts"]]
"""Any of these is enough."""


def text() -> str:
    """Return the definition as YAML."""
    command: list[str | Path] = [Path(sys.executable).with_name("tap-oura"), "--about", "--format", "json"]
    about = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    definition = {
        "name": about["name"],
        "variant": "oura-collector",
        "namespace": "tap_oura",
        "label": "Oura",
        "description": "Sleep, activity, readiness, heart rate and all else of the Oura ring's API v2",
        "domain_url": "https://cloud.ouraring.com/v2/docs",
        "keywords": ["api", "health", "meltano_sdk", "sleep", "wearable"],
        "maintenance_status": "active",
        "pip_url": f"{about['name']}=={about['version']}",
        "executable": about["name"],
        "capabilities": about["capabilities"],
        "settings_group_validation": CREDENTIALS,
        "settings": [_setting(name, schema) for name, schema in about["settings"]["properties"].items()],
    }
    yaml, out = YAML(), StringIO()
    yaml.width = 10_000
    yaml.indent(mapping=2, sequence=2, offset=0)
    yaml.dump(definition, out)
    return HEADER + out.getvalue()


def _setting(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    kinds = [kind for kind in schema["type"] if kind != "null"]
    found = {"name": name, "label": schema.get("title"), "kind": kinds[0], "description": schema.get("description")}
    if choices := schema.get("enum"):
        found |= {"kind": "options", "options": [{"label": each, "value": each} for each in choices]}
    if "default" in schema:
        found["value"] = schema["default"]
    if schema.get("secret"):
        found["sensitive"] = True
    return {key: value for key, value in found.items() if value is not None}


if __name__ == "__main__":
    FILE.write_text(text())
