"""Fits every value to its field, whatever Oura sends, without losing anything. Pure.

`fit` takes a value apart along its JSON schema and returns two: what goes into the column, and what the column cannot
say, which goes into `extra` under the same name. Of an object or an array the second has only the members and items
that did not fit, items by their number as text: `{"contributors": {"deep_sleep": ""}}`.

- Integers: a whole double becomes one; a fraction is rounded, halves to the even neighbour, and kept; what is out of
  the field's range is kept.
- Numbers and integers: text that is a JSON number and nothing else becomes it, and is kept.
- Instants and dates come into one form (`instants`); what that form cannot say is kept.
- Text: NUL and half a surrogate pair, which PostgreSQL stores nowhere, become U+FFFD; the text with JSON's escapes in
  their place is kept.
- Anything else of another type than its field's becomes null and is kept.
- A value nested deeper than `DEEPEST` becomes its JSON text, which is kept.

`storable` does the same for `extra` itself. `all_fit` checks many values at once.
"""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from decimal import Decimal
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from tap_oura.catalog import instants
from tap_oura.catalog.fields import INT64, RANGES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tap_oura.catalog.fields import Properties, Schema

NOTHING: Final = object()
"""Stands for what is kept of a value that fits. (Null is a value that may be kept.)"""

DEEPEST = 64

UNKNOWN: Final[Schema] = {"type": ["unknown"]}
"""The schema of a member that no schema names."""

_KINDS: Final[dict[type, str]] = {str: "string", list: "array", dict: "object"}
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_LONGEST_NUMBER = 400
_LEAST, _GREATEST = RANGES[INT64]

Fitted = tuple[Any, Any]


def fit(value: Any, schema: Schema, depth: int = 0) -> Fitted:
    """Return the value for the column and the rest for `extra`, each possibly NOTHING. `depth` is the nesting depth."""
    if value is None:
        return None, NOTHING
    match schema["type"][0]:
        case "integer":
            return _integer(value, *RANGES[schema["format"]])
        case "number":
            return _number(value)
        case "boolean":
            return (value, NOTHING) if isinstance(value, bool) else _misfit(value)
        case "string":
            return _string(value, _form_of(schema))
        case "object":
            return _object(value, schema.get("properties", {}), depth)
        case "array":
            return _array(value, schema.get("items", UNKNOWN), depth)
    kind = _KINDS.get(type(value))
    return fit(value, {"type": [kind]}, depth) if kind else (storable(value), NOTHING)


def fit_members(members: dict[str, Any], properties: Properties) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields of a document that `properties` names, and what goes into `extra`, by name.

    A field is left out if nothing of its value fits.
    """
    fields: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for name, value in members.items():
        if name in properties:
            fitted, kept = fit(value, properties[name])
            if fitted is not None or kept is NOTHING:
                fields[name] = fitted
        else:
            kept = storable(value)
        if kept is not NOTHING:
            _put(extra, name, kept)
    return fields, extra


def storable(value: Any, depth: int = 0) -> Any:
    """Return a value that jsonb can store. Characters that it cannot store are replaced by JSON's escapes."""
    if isinstance(value, str):
        return _escaped(value)
    if isinstance(value, list | dict):
        if depth >= DEEPEST:
            return json.dumps(value)
        if isinstance(value, list):
            return [storable(item, depth + 1) for item in value]
        members: dict[str, Any] = {}
        for name, member in value.items():
            _put(members, name, storable(member, depth + 1))
        return members
    return value if value is None or isinstance(value, bool) or _is_finite(value) else str(value)


def is_storable(text: str) -> bool:
    return not _UNSTORABLE.search(text)


def all_fit(values: Sequence[Any], schema: Schema) -> bool:
    """Return whether `fit` would certainly return every value unchanged; fast, for millions of samples."""
    types = set(map(type, values))
    if type(None) in types:
        types.discard(type(None))
        values = [value for value in values if value is not None]
    if not values:
        return True
    match schema["type"][0]:
        case "integer":
            return types == {int} and _all_in(RANGES[schema["format"]], values)
        case "number":
            return types <= {int, float} and _all_in(RANGES[INT64], values)
        case "boolean":
            return types == {bool}
        case "string":
            return types == {str} and _all_texts(values, schema)
        case "object":
            return types == {dict} and all_members_fit(values, schema.get("properties", {}))
        case "array":
            return types == {list} and all_fit(list(chain.from_iterable(values)), schema.get("items", UNKNOWN))
    return False


def all_members_fit(documents: Sequence[dict[str, Any]], properties: Properties) -> bool:
    """Return whether all documents have known members only, and these fit unchanged."""
    layouts = set(map(tuple, documents))
    names = set(chain.from_iterable(layouts))
    if not names <= properties.keys():
        return False
    for name in names:
        if all(name in layout for layout in layouts):
            column = list(map(itemgetter(name), documents))
        else:
            column = [document[name] for document in documents if name in document]
        if not all_fit(column, properties[name]):
            return False
    return True


def _misfit(value: Any) -> Fitted:
    return None, storable(value)


def _integer(value: Any, least: int, greatest: int) -> Fitted:
    number = _read(value) if isinstance(value, str) else value
    if not _is_finite(number) or not least <= (whole := round(number)) <= greatest:
        return _misfit(value)
    return whole, NOTHING if number is value and whole == value else value


def _number(value: Any) -> Fitted:
    number = _read(value) if isinstance(value, str) else value
    if _is_finite(number):
        return (number, NOTHING) if number is value else (_plain(number), value)
    if isinstance(number, int) and not isinstance(number, bool):
        with suppress(OverflowError):
            return float(number), str(value)
    return _misfit(value)


def _string(value: Any, read: Callable[[str], instants.Normal | None] | None) -> Fitted:
    if not isinstance(value, str):
        return _misfit(value)
    if read is None:
        return (value, NOTHING) if is_storable(value) else (_UNSTORABLE.sub("\ufffd", value), _escaped(value))
    if (found := read(value)) is None:
        return _misfit(value)
    return found.text, NOTHING if found.whole else storable(value)


def _object(value: Any, properties: Properties, depth: int) -> Fitted:
    if not isinstance(value, dict):
        return _misfit(value)
    if depth >= DEEPEST:
        return None, json.dumps(value)
    if all_members_fit([value], properties):
        return value, NOTHING
    fitted: dict[str, Any] = {}
    kept: dict[str, Any] = {}
    for name, member in value.items():
        column, rest = fit(member, properties.get(name, UNKNOWN), depth + 1)
        storable_name = name
        if not is_storable(name):
            storable_name, rest = _UNSTORABLE.sub("\ufffd", name), storable(member)
        if storable_name == name or storable_name not in value:
            fitted[storable_name] = column
        if rest is not NOTHING:
            _put(kept, name, rest)
    return fitted, kept or NOTHING


def _array(value: Any, items: Schema, depth: int) -> Fitted:
    if not isinstance(value, list):
        return _misfit(value)
    if depth >= DEEPEST:
        return None, json.dumps(value)
    if all_fit(value, items):
        return value, NOTHING
    pairs = [fit(item, items, depth + 1) for item in value]
    kept = {str(number): rest for number, (_, rest) in enumerate(pairs) if rest is not NOTHING}
    return [fitted for fitted, _ in pairs], kept or NOTHING


def _all_texts(values: Sequence[str], schema: Schema) -> bool:
    if "pattern" in schema:
        return instants.all_normal(values, schema["pattern"])
    distinct = set(values)
    return all(map(instants.is_day, distinct)) if schema.get("format") == "date" else is_storable("".join(distinct))


def _all_in(limits: tuple[int, int], values: Sequence[int | float]) -> bool:
    # No sum is finite with a NaN in it, which no comparison would find.
    return limits[0] <= min(values) <= max(values) <= limits[1] and math.isfinite(sum(values))


def _form_of(schema: Schema) -> Callable[[str], instants.Normal | None] | None:
    """Return what brings text into the one form that a field has; None where any text will do."""
    if "pattern" in schema:
        return instants.utc if schema["pattern"] == instants.UTC_PATTERN else instants.instant
    return instants.day if schema.get("format") == "date" else None


def _read(text: str) -> Decimal | int | None:
    """Return the number that a text is, if no larger than a double can be."""
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        return None
    return int(text) if text.lstrip("-").isdigit() else Decimal(text)


def _is_finite(value: object) -> TypeGuard[int | float | Decimal]:
    """Whether a value is a number that 64 bits hold, as an integer or a double."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return False
    return _LEAST <= value <= _GREATEST if isinstance(value, int) else math.isfinite(value)


def _plain(number: Decimal | float) -> float | int:
    return float(number) if isinstance(number, Decimal) else number


def _escaped(text: str) -> str:
    return text if is_storable(text) else json.dumps(text)[1:-1]


def _put(members: dict[str, Any], name: str, value: Any) -> None:
    """Add a member by a name that jsonb holds. No two become one."""
    name = _escaped(name)
    while name in members:
        name += "_"
    members[name] = value
