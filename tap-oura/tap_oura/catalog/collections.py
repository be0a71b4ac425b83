"""The nineteen collections of Oura's API v2: one row each, alphabetical. Everything else is derived from the row."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from tap_oura.catalog import fields, schemas
from tap_oura.catalog.fields import Properties, Schema

if TYPE_CHECKING:
    from collections.abc import Container


class Query(Enum):
    """How a range of days is requested from a collection."""

    DATES = "start_date and end_date"
    INSTANTS = "start_datetime and end_datetime"
    ALL = "pages without a range"
    OBJECT = "one bare object"


@dataclass(frozen=True)
class Collection:
    """One collection. `path` is Oura's path segment, case-sensitive; empty if it is the name.

    `window` is the most days of one request, `lookback` the days before the bookmark that are read at least.
    `description` describes one document to readers of the warehouse. `scope` lists alternatives, separated by spaces:
    the wearer must have granted one of them; empty if none is needed. `cursor` is the field with a document's day,
    None for a collection without days; `other_days` are the fields that give the day where that is missing: dates, or
    instants that begin on it.
    """

    name: str
    description: str
    properties: Properties
    scope: str
    query: Query = Query.DATES
    cursor: str | None = "day"
    keys: tuple[str, ...] = ("id",)
    window: int = 365
    lookback: int = 0
    path: str = ""
    other_days: tuple[str, ...] = ()

    def is_open(self, granted: Container[str]) -> bool:
        """Return whether a consent with these scopes permits reading the collection."""
        return not self.scope or any(scope in granted for scope in self.scope.split())

    @property
    def segment(self) -> str:
        return self.path or self.name

    @property
    def schema(self) -> Schema:
        """The stream's JSON schema: `user_id`, Oura's fields, and `extra` for unknown fields."""
        return {
            "type": "object",
            "properties": {
                "user_id": fields.key("Account"),
                **self.properties,
                "extra": fields.mapping("What Oura sent beyond the known fields, or what they cannot hold"),
            },
            "required": ["user_id", *self.keys],
        }


def _series(name: str, description: str, properties: Properties, scope: str, *keys: str) -> Collection:
    # Oura refuses more than about a month of heart rate; nobody has measured the battery's limit.
    return Collection(name, description, properties, scope, Query.INSTANTS, cursor="timestamp", keys=keys, window=28)


# Minute-level documents weigh about 10 kB each, so their windows are a month; the rest fits a year into one answer.
# A rest mode stays open for weeks and is filtered by its start: only a long lookback sees it end.
COLLECTIONS = {
    collection.name: collection
    for collection in (
        Collection(
            "daily_activity",
            "Activity of one day, 04:00 to 04:00 local; today's document grows all day.",
            schemas.DAILY_ACTIVITY,
            "daily",
            window=30,
        ),
        Collection(
            "daily_cardiovascular_age",
            "Vascular age of one day; gaps until Oura has enough nights.",
            schemas.DAILY_CARDIOVASCULAR_AGE,
            "heart_health",
        ),
        Collection("daily_readiness", "Readiness of one day.", schemas.DAILY_READINESS, "daily"),
        Collection("daily_resilience", "Resilience of one day.", schemas.DAILY_RESILIENCE, "stress"),
        Collection(
            "daily_sleep",
            "Sleep score of one day; durations are in the collection sleep.",
            schemas.DAILY_SLEEP,
            "daily",
        ),
        Collection("daily_spo2", "Blood oxygen of one night.", schemas.DAILY_SPO2, "spo2"),
        Collection(
            "daily_stress",
            "Daytime stress and recovery of one day; today's document grows.",
            schemas.DAILY_STRESS,
            "daily stress",
        ),
        Collection(
            "enhanced_tag",
            "Tags that the wearer set, with or without a duration.",
            schemas.ENHANCED_TAG,
            "tag",
            cursor="start_day",
            other_days=("day", "start_time"),
        ),
        _series(
            "heartrate",
            "Heart-rate samples, about every five minutes, denser in workouts.",
            schemas.HEARTRATE,
            "heartrate",
            "timestamp",
            "source",
        ),
        Collection(
            "personal_info",
            "The account's profile; fields outside the granted scopes are null.",
            schemas.PERSONAL_INFO,
            "",
            Query.OBJECT,
            cursor=None,
        ),
        Collection(
            "rest_mode_period",
            "Rest mode, from its start to its end; an open period has no end.",
            schemas.REST_MODE_PERIOD,
            "daily",
            cursor="start_day",
            lookback=90,
            other_days=("start_time",),
        ),
        _series(
            "ring_battery_level",
            "Battery samples of the ring.",
            schemas.RING_BATTERY_LEVEL,
            "ring_configuration",
            "timestamp",
        ),
        Collection(
            "ring_configuration",
            "Every ring that was ever paired.",
            schemas.RING_CONFIGURATION,
            "ring_configuration",
            Query.ALL,
            cursor=None,
        ),
        Collection(
            "session",
            "Guided and unguided moments, such as breathing or meditation.",
            schemas.SESSION,
            "session",
            window=30,
        ),
        Collection(
            "sleep",
            "Sleep periods, several per day, also naps, rejected and deleted ones.",
            schemas.SLEEP,
            "daily",
            window=30,
        ),
        Collection("sleep_time", "Oura's advice on when to go to bed.", schemas.SLEEP_TIME, "daily"),
        Collection(
            "tag",
            "Legacy tags, superseded by enhanced_tag; collected only if named in `collections`.",
            schemas.TAG,
            "tag",
            other_days=("timestamp",),
        ),
        Collection(
            "vo2_max",
            "Estimates of maximal oxygen uptake, now and then.",
            schemas.VO2_MAX,
            "heart_health",
            path="vO2_max",
        ),
        Collection("workout", "Workouts, logged by hand or detected.", schemas.WORKOUT, "workout"),
    )
}

EVERY_COLLECTION = "*"
"""Stands for all collections of an account of which nothing can be read."""

# Oura declares `tag` deprecated in favour of `enhanced_tag`; it is served still and can be requested by name.
DEFAULT_COLLECTIONS = tuple(name for name in COLLECTIONS if name != "tag")
