"""The columns that a mart takes from another model as they are: by its YAML, which ends in what is derived.

A mart says in `config: {meta: {takes: ...}}` which models it takes columns from and which of these it leaves out, as
names or patterns; `of` is added to the descriptions:

    takes:
      stg_oura__daily_readiness: {leave_out: [recorded_*]}
      oura_sleep_periods: {leave_out: [period], of: main sleep}

A column with a name, a description, a `range` or a test of its own stands in the YAML by hand, with
`config: {meta: {from: <model>.<column>}}`. All others are written between `MARKER` and `END`. The
macro `taken` makes the SQL of both, by way of `macros/columns.sql`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path("transform/models/marts")
STAGING = "stg_oura__"
MARKER = "      # From here on written by `make generated`: what the mart takes as it is.\n"
END = "      # From here on by hand.\n"
BOOKKEEPING = ("user_id", "date", "day", "extra", "loaded_at", "changed_at")
"""Columns of a model that its readers never take as they are."""

Column = dict[str, Any]
Columns = dict[str, list[Column]]
"""Columns by model, each with at least name, data_type and description."""


def marts(project: Path, staged: Columns) -> dict[Path, str]:
    """Return the YAML of all marts by path, given the columns of the staging views. Raises ValueError."""
    files = {path: (project / path).read_text(encoding="utf-8") for path in _files(project)}
    texts = {path.stem: _by_hand(text) for path, text in files.items()}
    models = {name: yaml.safe_load("".join(parts))["models"][0] for name, parts in texts.items()}
    known = dict(staged)
    derived: dict[str, str] = {}
    while waiting := [name for name in models if name not in known]:
        ready = [name for name in waiting if not (_takes(models[name]).keys() & waiting)]
        if not ready:
            raise ValueError(f"{', '.join(waiting)}: these marts take columns from each other, or from no model")
        for name in ready:
            taken = _taken(models[name], known)
            derived[name] = "".join([MARKER, *map(_entry, taken), END]) if taken else ""
            known[name] = [*models[name]["columns"], *taken]
    return {path: derived[path.stem].join(texts[path.stem]) for path in files}


def macro(files: Iterable[str], days: dict[str, str]) -> str:
    """Return the SQL file with what macros cannot ask the marts' YAML for. `days`: the column of a collection's day."""
    taken: dict[str, dict[str, dict[str, str]]] = {}
    revised: dict[str, tuple[str, bool]] = {}
    ranges: dict[str, dict[str, list[float]]] = {}
    for model in (model for text in files for model in yaml.safe_load(text)["models"]):
        for column in model["columns"]:
            meta = _meta(column)
            if "from" in meta:
                source, _, origin = meta["from"].partition(".")
                taken.setdefault(model["name"], {}).setdefault(source, {})[column["name"]] = origin
            if "range" in meta:
                ranges.setdefault(model["name"], {})[column["name"]] = meta["range"]
            if model["name"] == "oura_daily" and "revised" in meta:
                revised[column["name"]] = (meta["revised"], meta.get("grows", False))
    return (
        "{#- Written by `make generated` from the YAML of the marts and tap_oura/catalog; change it there. -#}\n\n"
        "{#- The collections of documents, each with the column of its day; empty where it has none. -#}\n"
        f"{{% macro day_columns() -%}}\n    {{{{ return({_literal(days)}) }}}}\n{{%- endmacro %}}\n\n"
        "{#- What a mart takes from another model: by mart, model and column, the name that it has there. -#}\n"
        f"{{% macro taken_columns() -%}}\n    {{{{ return({_literal(taken)}) }}}}\n{{%- endmacro %}}\n\n"
        "{#- Columns of oura_daily whose changes are revisions: collection, and whether they grow during the day. -#}\n"
        f"{{% macro revised_columns() -%}}\n    {{{{ return({_literal(revised)}) }}}}\n{{%- endmacro %}}\n\n"
        "{#- The values that a mart's column may have, both ends included: by mart and column. -#}\n"
        f"{{% macro value_ranges() -%}}\n    {{{{ return({_literal(ranges)}) }}}}\n{{%- endmacro %}}\n"
    )


def _literal(value: object) -> str:
    return json.dumps(value, indent=4).replace("\n", "\n    ")


def _files(project: Path) -> list[Path]:
    return sorted(path.relative_to(project) for path in (project / FOLDER).glob("*.yml"))


def _by_hand(text: str) -> tuple[str, str]:
    """Return what is before and after the derived columns. Raises ValueError if nothing says where they end."""
    before, marker, after = text.partition(MARKER)
    if marker and END not in after:
        raise ValueError(f"after `{MARKER.strip()}`, the line `{END.strip()}` is missing")
    return before, after.partition(END)[2]


def _takes(model: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = model.get("config", {}).get("meta", {}).get("takes", {})
    return found


def _meta(column: Column) -> dict[str, Any]:
    found: dict[str, Any] = column.get("config", {}).get("meta", {})
    return found


def _taken(model: dict[str, Any], known: Columns) -> list[Column]:
    """The columns that a mart takes under their own name. Raises ValueError where it has another of that name."""
    named = {column["name"] for column in model["columns"]}
    origins = {_meta(column).get("from") for column in model["columns"]}
    found: list[Column] = []
    for source, how in _takes(model).items():
        if unknown := {o for o in origins if o and o.startswith(f"{source}.")} - {
            f"{source}.{column['name']}" for column in known[source]
        }:
            raise ValueError(f"{model['name']}: there is no {', '.join(sorted(unknown))}")
        leave_out = (*BOOKKEEPING, *how.get("leave_out", ()))
        for column in known[source]:
            name, origin = column["name"], f"{source}.{column['name']}"
            if (
                origin in origins
                or column["data_type"] == "jsonb"
                or any(fnmatchcase(name, each) for each in leave_out)
            ):
                continue
            if name in named:
                raise ValueError(
                    f"{model['name']}: {origin} needs another name, for there is a column {name}; give it a line with"
                    f" `from: {origin}`, or leave it out"
                )
            named.add(name)
            text = column["description"].rstrip(".") + (f", {how['of']}" if "of" in how else "") + "."
            meta = {"from": origin} | {key: its for key, its in _meta(column).items() if key in ("revised", "grows")}
            found.append(
                {"name": name, "data_type": column["data_type"], "description": text, "config": {"meta": meta}}
            )
    return found


def _entry(column: Column) -> str:
    meta = ", ".join(f"{key}: {json.dumps(its) if its is True else its}" for key, its in _meta(column).items())
    return (
        f"      - name: {column['name']}\n"
        f"        data_type: {column['data_type']}\n"
        f"        description: {json.dumps(column['description'], ensure_ascii=False)}\n"
        f"        config: {{meta: {{{meta}}}}}\n"
    )
