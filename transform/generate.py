"""Write what follows from the tap's catalog, so that a field of Oura's is one row there: `make generated`.

    python -m transform.generate

- `models/staging/__sources.yml`: the raw tables with their columns
- `models/staging/stg_oura__<collection>.sql` and `staging.yml`: each field cast, the members of an object a column each
- `models/ledger/ledger.yml`: what the tap's own tables mean
- in each mart's YAML the columns that it takes as they are, and `macros/columns.sql` for its SQL (`marts`)
- `docs/data-dictionary.md`, and `simulator/oura_simulator/fields.json`: what the simulator answers with
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tap_oura.catalog import instants
from tap_oura.catalog.collections import COLLECTIONS, Collection, Query
from tap_oura.catalog.fields import INT64, Properties, Schema
from tap_oura.ledger.days import CollectionDays
from tap_oura.ledger.failures import CollectionFailures
from tap_oura.ledger.rejected import RejectedDocuments

from transform.dictionary import dictionary
from transform.marts import STAGING, macro, marts

PROJECT = Path(__file__).parent.parent
LEDGER_FOLDER = Path("transform/models/ledger")
STAGING_FOLDER = Path("transform/models/staging")
NOTE = "Written by `make generated` from tap_oura/catalog; change it there."
LEDGERS = {
    "collection_days": (
        CollectionDays.schema,
        "The day ledger, append-only: a row whenever the content of a day changed that was read whole. "
        "The latest row of a day is the truth, the older ones its history.",
    ),
    "collection_failures": (
        CollectionFailures.schema,
        "What the tap could not read, the latest failure of each account and collection.",
    ),
    "rejected_documents": (
        RejectedDocuments.schema,
        "Documents that could not be loaded for want of an id or a usable day, whole, each with the reason.",
    ),
}
INSTANTS = ("failed_at", "recovered_at")
"""Instants of the ledgers that the tap writes as text."""
FRESH = ("daily_activity", "heartrate")
"""The collections that have something new each day, in which a silent stop shows first."""

DAYS = {name: each.cursor or "" for name, each in COLLECTIONS.items() if each.query is not Query.INSTANTS}


@dataclass(frozen=True)
class Staged:
    """A column of a staging view: its name, PostgreSQL's type, what it means, and the SQL that makes it."""

    name: str
    data_type: str
    description: str
    sql: str

    @property
    def line(self) -> str:
        return self.sql if self.sql == self.name else f"{self.sql} as {self.name}"


def generated() -> dict[Path, str]:
    """Return each derived file with its text; paths are relative to the project's folder."""
    staged = {name: list(columns(collection)) for name, collection in COLLECTIONS.items()}
    files = {STAGING_FOLDER / "__sources.yml": sources(), STAGING_FOLDER / "staging.yml": staging(staged)}
    files[LEDGER_FOLDER / "ledger.yml"] = ledger()
    files |= {STAGING_FOLDER / f"{STAGING}{name}.sql": view(COLLECTIONS[name], staged[name]) for name in COLLECTIONS}
    known = {f"{STAGING}{name}": [vars(column) for column in columns] for name, columns in staged.items()}
    made = marts(PROJECT, known)
    files |= made | {Path("transform/macros/columns.sql"): macro(made.values(), DAYS)}
    files[Path("docs/data-dictionary.md")] = dictionary(made[path] for path in sorted(made))
    files[Path("simulator/oura_simulator/fields.json")] = simulated()
    return files


def columns(collection: Collection) -> Iterator[Staged]:
    """Yield what the staging view has of Oura's fields, in the order of the schema."""
    for name, schema in collection.properties.items():
        if name == "id":
            yield Staged("document_id", "text", schema["description"], "id")
        else:
            yield from _field(name, schema)


def _field(name: str, schema: Schema) -> Iterator[Staged]:
    text = schema["description"]
    match schema["type"][0]:
        case "integer" if schema["format"] == INT64:
            yield Staged(name, "bigint", text, f"{{{{ as_bigint('{name}') }}}}")
        case "integer":
            yield Staged(name, "integer", text, f"{{{{ as_integer('{name}') }}}}")
        case "number":
            yield Staged(name, "double precision", text, f"{{{{ as_double('{name}') }}}}")
        case "string" if "pattern" in schema:
            yield from _instant(name, schema)
        case "string" if schema.get("format") == "date":
            yield Staged(name, "date", text, f"{{{{ as_day('{name}') }}}}")
        case "object" if _members(schema):
            for member, its in _members(schema).items():
                yield _member(name, member, its)
        case "array":
            yield Staged(name, "jsonb", text, f"to_jsonb({name})")
        case kind:
            yield Staged(name, {"string": "text", "object": "jsonb"}.get(kind, kind), text, name)


def _instant(name: str, schema: Schema) -> Iterator[Staged]:
    """An instant `start_time` is `start_at`; in a series, which is in UTC, nothing else is to be known of it."""
    stem = "recorded" if name == "timestamp" else re.sub("_(at|datetime|time)$", "", name)
    text = schema["description"].replace(", with offset", "")
    yield Staged(f"{stem}_at", "timestamptz", f"{text}, as an instant", f"{{{{ instant_at('{name}') }}}}")
    if schema["pattern"] != instants.UTC_PATTERN:
        clock = f"{text}, by the wearer's clock"
        offset = "Distance of that clock from UTC; null where Oura sent none"
        yield Staged(f"{stem}_local", "timestamp", clock, f"{{{{ instant_local('{name}') }}}}")
        yield Staged(f"{stem}_utc_offset", "interval", offset, f"{{{{ instant_utc_offset('{name}') }}}}")


def _member(name: str, member: str, schema: Schema) -> Staged:
    column = f"{'contributor' if name == 'contributors' else name}_{member}"
    text = schema["description"]
    match schema["type"][0]:
        case "integer":
            return Staged(column, "integer", text, f"{{{{ json_integer('{name}', '{member}') }}}}")
        case "number":
            return Staged(column, "double precision", text, f"{{{{ json_double('{name}', '{member}') }}}}")
        case "string":
            return Staged(column, "text", text, f"{name} ->> '{member}'")
    return Staged(column, "jsonb", text, f"{name} -> '{member}'")


def _members(schema: Schema) -> Properties:
    """The members of an object that become columns; a series in a document stays whole."""
    members: Properties = schema.get("properties", {})
    return {} if "items" in members else members


def view(collection: Collection, staged: list[Staged]) -> str:
    """The staging view of a collection: what is still at Oura, with a value of its type or null in each column."""
    lines = ["user_id", *(column.line for column in staged)]
    lines += ["{{ json_or_null('extra') }} as extra", "_sdc_batched_at at time zone 'UTC' as loaded_at"]
    return (
        f"-- {NOTE}\n"
        f"with source as (\n\n    select * from {{{{ raw('{collection.name}') }}}}\n\n)\n\n"
        "select\n    " + ",\n    ".join(lines) + "\n"
        f"from source\nwhere {{{{ is_present('{collection.name}') }}}}\n"
    )


def ledger() -> str:
    """The YAML of the views of the tap's own tables."""
    lines = [f"# {NOTE}", "version: 2", "", "models:"]
    for name, (_, text) in LEDGERS.items():
        lines += [f"  - name: {STAGING}{name}", f"    description: {json.dumps(text)}"]
    return "\n".join(lines) + "\n"


def staging(staged: dict[str, list[Staged]]) -> str:
    """The YAML of the staging views."""
    lines = [f"# {NOTE}", "version: 2", "", "models:"]
    for name, columns in staged.items():
        lines += [f"  - name: {STAGING}{name}", f"    description: {json.dumps(COLLECTIONS[name].description)}"]
        lines.append("    columns:")
        for column in columns:
            text = json.dumps(column.description, ensure_ascii=False)
            lines.append(f"      - {{name: {column.name}, data_type: {column.data_type}, description: {text}}}")
    return "\n".join(lines) + "\n"


def sources() -> str:
    """The YAML of the raw tables. The types also serve the macro `raw`, which stands in for a table that is missing."""
    lines = [f"# {NOTE} The types also serve `raw()`, which stands in for a missing table.", "version: 2", ""]
    lines += ["sources:", "  - name: oura_raw", "    schema: oura_raw"]
    lines += ["    description: What Oura answered, one table per collection, written by the loader.", "    tables:"]
    for name, (schema, text) in LEDGERS.items():
        lines += _table(name, text, schema["properties"], ["_sdc_batched_at"])
    for name, collection in COLLECTIONS.items():
        times = ["_sdc_extracted_at", "_sdc_batched_at"]
        lines += _table(name, collection.description, collection.schema["properties"], times)
    return "\n".join(lines) + "\n"


def _table(name: str, text: str, properties: Properties, times: list[str]) -> Iterator[str]:
    yield f"      - name: {name}"
    yield f"        description: {json.dumps(text)}"
    if name in FRESH:
        yield "        config:"
        yield "          loaded_at_field: _sdc_batched_at at time zone 'UTC'"
        yield "          freshness: {warn_after: {count: 2, period: day}}"
    yield "        columns:"
    for field, schema in properties.items():
        holds = _holds(field, schema)
        meta = f", config: {{meta: {{holds: {holds}}}}}" if holds else ""
        description = json.dumps(schema["description"], ensure_ascii=False)
        yield f'          - {{name: {field}, data_type: "{loaded(schema)}", description: {description}{meta}}}'
    for field in times:
        yield f"          - {{name: {field}, data_type: timestamp without time zone}}"


def loaded(schema: Schema) -> str:
    """The type of the column that the loader makes for a field."""
    match schema["type"][0], schema.get("format"):
        case "string", "date":
            return "date"
        case "string", "date-time":
            return "timestamp without time zone"
        case "array", _:
            items = schema["items"]["type"]
            return "text[]" if items[0] == "string" else "jsonb[]"
        case kind, _:
            types = {"string": "text", "integer": "bigint", "number": "numeric", "object": "jsonb"}
            return types.get(str(kind), str(kind))
    raise AssertionError(schema)


def _holds(name: str, schema: Schema) -> str:
    """What staging reads from a column of text or JSON, for the test that names what it cannot read."""
    if "pattern" in schema or name in INSTANTS:
        return "instant"
    kinds = {its["type"][0] for its in _members(schema).values()}
    return "numbers" if kinds & {"integer", "number"} else ""


def simulated() -> str:
    """The fields of Oura's answers with type and range, by path segment: the simulator shares no code with the tap."""
    fields = {
        each.segment: {name: shape(its) for name, its in each.properties.items()} for each in COLLECTIONS.values()
    }
    return json.dumps(fields, indent=1, sort_keys=True) + "\n"


def shape(schema: Schema) -> dict[str, Any]:
    """A field's schema without its words."""
    kept = {name: its for name, its in schema.items() if name in ("format", "pattern", "range")}
    kept["type"] = schema["type"][0]
    if members := schema.get("properties"):
        kept["properties"] = {name: shape(its) for name, its in members.items()}
    if items := schema.get("items"):
        kept["items"] = shape(items)
    return kept


def main() -> int:
    try:
        files = generated()
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    for path, text in files.items():
        (PROJECT / path).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
