"""The schemas, held field by field against the models that the package oura-toolkit generates from Oura's document."""

from __future__ import annotations

import enum
import types
from typing import Any, Union, get_args, get_origin

import pydantic
import pytest
from oura_toolkit.api import models
from tap_oura.catalog.collections import COLLECTIONS

MODELS: dict[str, type[pydantic.BaseModel]] = {
    "daily_activity": models.PublicDailyActivity,
    "daily_cardiovascular_age": models.PublicDailyCardiovascularAge,
    "daily_readiness": models.PublicDailyReadiness,
    "daily_resilience": models.DailyResilienceModel,
    "daily_sleep": models.PublicDailySleep,
    "daily_spo2": models.PublicDailySpO2,
    "daily_stress": models.PublicDailyStress,
    "enhanced_tag": models.EnhancedTagModel,
    "heartrate": models.PublicHeartRateRow,
    "personal_info": models.PersonalInfoResponse,
    "rest_mode_period": models.PublicRestModePeriod,
    "ring_battery_level": models.PublicRingBatteryLevelRow,
    "ring_configuration": models.PublicRingConfiguration,
    "session": models.PublicSession,
    "sleep": models.PublicModifiedSleepModel,
    "sleep_time": models.PublicSleepTime,
    "tag": models.TagModel,
    "vo2_max": models.PublicVO2Max,
    "workout": models.PublicWorkout,
}

# Oura's document says integer; its unit is a ratio, and production may send fractions.
WIDER = {("vo2_max", "vo2_max")}


def test_there_is_a_model_for_every_collection() -> None:
    assert MODELS.keys() == COLLECTIONS.keys()


@pytest.mark.parametrize("name", COLLECTIONS)
def test_a_schema_has_every_field_of_the_model_and_its_type(name: str) -> None:
    assert differences(name, COLLECTIONS[name].properties, MODELS[name]) == []


@pytest.mark.parametrize("name", COLLECTIONS)
def test_only_keys_are_never_null(name: str) -> None:
    collection = COLLECTIONS[name]
    strict = {field for field, schema in collection.schema["properties"].items() if "null" not in schema["type"]}
    assert strict == {"user_id", *collection.keys}


@pytest.mark.parametrize("name", COLLECTIONS)
def test_every_field_has_a_description(name: str) -> None:
    assert all(schema["description"] for schema in COLLECTIONS[name].properties.values())


@pytest.mark.parametrize("name", COLLECTIONS)
def test_no_enum_is_closed(name: str) -> None:
    assert "enum" not in str(COLLECTIONS[name].schema)


def differences(path: str, properties: dict[str, Any], model: type[pydantic.BaseModel]) -> list[str]:
    fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    fields.pop("additional_properties", None)
    found = [f"{path}.{name}: only here" for name in properties.keys() - fields.keys()]
    found += [f"{path}.{name}: missing" for name in fields.keys() - properties.keys()]
    for name in properties.keys() & fields.keys():
        found += _type_differences(f"{path}.{name}", properties[name], fields[name])
    return found


def _type_differences(path: str, schema: dict[str, Any], annotation: Any) -> list[str]:
    expected, inner = _json_type(annotation)
    kind = schema["type"][0]
    if expected == "integer" and kind == "number" and tuple(path.split(".")) in WIDER:
        return []
    if kind != expected:
        return [f"{path}: {kind} here, {expected} at Oura"]
    if kind == "array":
        return _type_differences(f"{path}[]", schema["items"], inner)
    if kind == "object":
        return differences(path, schema["properties"], inner)
    return []


def _json_type(annotation: Any) -> tuple[str, Any]:
    """The JSON type of a pydantic annotation, and the annotation or model inside."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        # StrictFloat | StrictInt is how the generator writes a number.
        kinds = {_json_type(argument) for argument in arguments if argument is not type(None)}
        if {kind for kind, _ in kinds} == {"integer", "number"}:
            return "number", None
        (only,) = kinds
        return only
    if origin is not None and hasattr(annotation, "__metadata__"):
        return _json_type(arguments[0])
    if origin is list:
        return "array", arguments[0]
    if isinstance(annotation, type):
        if issubclass(annotation, pydantic.BaseModel):
            return "object", annotation
        if issubclass(annotation, enum.Enum | str):
            return "string", None
        for python, json in ((bool, "boolean"), (int, "integer"), (float, "number")):
            if issubclass(annotation, python):
                return json, None
        if annotation.__name__ in ("date", "datetime"):
            return "string", None
    raise AssertionError(f"what is {annotation}?")
