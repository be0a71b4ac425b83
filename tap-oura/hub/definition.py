"""`python tap-oura/hub/definition.py` writes what Meltano needs to know of the tap, from the tap's own settings.

`tap-oura.yml` is for MeltanoHub; `../plugin.yml` is the same without what only the Hub's pages show, for `meltano add
--from-ref`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

FOLDER = Path(__file__).parent
HEADER = "# Written by hub/definition.py from the tap's own settings: change those.\n"
HUB_HEADER = "# A pull request to MeltanoHub adds `repo`, the address of the repository.\n"
OF_THE_HUB = ("domain_url", "keywords", "maintenance_status")
"""What only its pages show; Meltano's schema of a project knows none of it."""

CREDENTIALS = [["access_token"], ["refresh_token", "client_id", "client_secret"], ["accounts"]]
"""Any of these is enough."""


def definition() -> dict[str, Any]:
    """Return the Hub's definition."""
    command: list[str | Path] = [Path(sys.executable).with_name("tap-oura"), "--about", "--format", "json"]
    about = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return {
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


def files() -> dict[Path, str]:
    """Return the text of each derived file."""
    for_the_hub = definition()
    plugin = {name: value for name, value in for_the_hub.items() if name not in OF_THE_HUB}
    return {
        FOLDER / "tap-oura.yml": HEADER + HUB_HEADER + _yaml(for_the_hub),
        FOLDER.parent / "plugin.yml": HEADER + _yaml(plugin),
    }


def _yaml(content: dict[str, Any]) -> str:
    yaml, out = YAML(), StringIO()
    yaml.width = 10_000
    yaml.indent(mapping=2, sequence=2, offset=0)
    yaml.dump(content, out)
    return out.getvalue()


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
    for path, text in files().items():
        path.write_text(text)
