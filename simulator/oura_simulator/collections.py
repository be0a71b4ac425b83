"""The 19 collections: how each is requested, its scopes, and where its ranges end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["dates", "instants", "full", "single"]
Clock = Literal["day", "utc"]
End = Literal["inclusive", "exclusive"]


@dataclass(frozen=True)
class Collection:
    """One row of the table.

    `cursor` is the field that places a document on a day; `clock` what `start_date` and `end_date` are compared with:
    the local day, or the UTC instant at which the document begins. `scopes`: one of them must be granted.
    """

    name: str
    kind: Kind = "dates"
    cursor: str = "day"
    scopes: tuple[str, ...] = ("daily",)
    end: End = "exclusive"
    clock: Clock = "day"
    has_fields: bool = True
    has_documents: bool = True
    max_days: int | None = None

    @property
    def bounds(self) -> tuple[str, str]:
        """The parameters that bound a range."""
        unit = "datetime" if self.kind == "instants" else "date"
        return f"start_{unit}", f"end_{unit}"


# Where nobody has measured the end of a range (enhanced_tag, tag, rest_mode_period, session, vO2_max and both series)
# the row says "exclusive": it is the answer a client is more likely to be hurt by.
COLLECTIONS = {
    row.name: row
    for row in (
        Collection("daily_activity"),
        Collection("daily_cardiovascular_age", scopes=("heart_health",), end="inclusive"),
        Collection("daily_readiness", end="inclusive"),
        Collection("daily_resilience", scopes=("stress",), end="inclusive", has_fields=False),
        Collection("daily_sleep", end="inclusive"),
        Collection("daily_spo2", scopes=("spo2",), end="inclusive"),
        Collection("daily_stress", scopes=("daily", "stress"), end="inclusive"),
        Collection("enhanced_tag", cursor="start_day", scopes=("tag",), has_fields=False),
        Collection("heartrate", "instants", "timestamp", ("heartrate",), clock="utc", has_documents=False, max_days=30),
        Collection("personal_info", "single", cursor="", scopes=(), has_documents=False),
        Collection("rest_mode_period", cursor="start_day"),
        Collection(
            "ring_battery_level",
            "instants",
            "timestamp",
            ("ring_configuration",),
            clock="utc",
            has_documents=False,
            max_days=30,
        ),
        Collection("ring_configuration", "full", cursor="", scopes=("ring_configuration",)),
        Collection("session", scopes=("session",), clock="utc"),
        Collection("sleep", clock="utc"),
        Collection("sleep_time", end="inclusive"),
        Collection("tag", scopes=("tag",), has_fields=False),
        Collection("vO2_max", scopes=("heart_health",)),
        Collection("workout", scopes=("workout",), clock="utc"),
    )
}

NUMBERS = {name: number for number, name in enumerate(COLLECTIONS)}
NAMES = tuple(COLLECTIONS)

SCOPES = (
    "email",
    "personal",
    "daily",
    "heartrate",
    "workout",
    "tag",
    "session",
    "spo2",
    "stress",
    "heart_health",
    "ring_configuration",
)
