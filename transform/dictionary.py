"""Write the data dictionary: every mart and column with its type and unit, as the YAML beside the models has them.

python transform/dictionary.py > docs/data-dictionary.md
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

MARTS = Path(__file__).parent / "models" / "marts"


def marts(folder: Path = MARTS) -> list[dict[str, Any]]:
    """All marts as dbt's YAML describes them, by name."""
    files = sorted(folder.glob("*.yml"))
    return [mart for file in files for mart in yaml.safe_load(file.read_text(encoding="utf-8"))["models"]]


def section(mart: dict[str, Any]) -> str:
    """One mart in Markdown: its grain, its key, its columns."""
    key = next(rule["columns"] for rule in mart["constraints"] if rule["type"] == "primary_key")
    rows = (f"| `{column['name']}` | {column['data_type']} | {column['description']} |" for column in mart["columns"])
    return "\n".join(
        [
            f"## `{mart['name']}`",
            "",
            mart["description"].strip(),
            "",
            f"Key: {', '.join(f'`{name}`' for name in key)}.",
            "",
            "| column | type | meaning |",
            "|---|---|---|",
            *rows,
        ]
    )


def dictionary() -> str:
    """The whole dictionary in Markdown."""
    head = (
        "# Data dictionary\n\n"
        "Made from the descriptions in `transform/models/marts` by `transform/dictionary.py`; the same texts are\n"
        "comments in the database (`\\d+ oura_sleep`). Durations are seconds, scores 0 to 100, temperatures °C."
    )
    return "\n\n".join([head, *map(section, marts())]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(dictionary())
