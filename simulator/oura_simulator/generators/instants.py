"""Instants are epoch seconds inside, and one of three texts outside."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

MINUTE = 60
HOUR = 3600
DAY = 86400
EPOCH_ORDINAL = 719163
"""Of 1970-01-01."""


def at(zone: tzinfo, day: date, seconds: float) -> int:
    """The instant at which a clock on the wall shows `seconds` after (or before) that day's midnight."""
    wall = datetime.combine(day, time()) + timedelta(seconds=int(seconds))
    return int(wall.replace(tzinfo=zone).timestamp())


def with_milliseconds(epoch: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(epoch, zone).isoformat(timespec="milliseconds")


def with_offset(epoch: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(epoch, zone).isoformat(timespec="seconds")


def utc(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
