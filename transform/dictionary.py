"""Make the data dictionary: every mart and column with its type and unit, as the YAML beside the models has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml


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


def dictionary(files: Iterable[str]) -> str:
    """Return the whole dictionary in Markdown, given the text of each YAML file."""
    head = (
        "# Data dictionary\n\n"
        "Made from the descriptions in `transform/models/marts` by `make generated`; the same texts are\n"
        "comments in the database (`\\d+ oura_sleep`). Durations are seconds, scores 0 to 100, temperatures °C."
    )
    return "\n\n".join([head, *(section(mart) for text in files for mart in yaml.safe_load(text)["models"])]) + "\n"
