"""Normalises instants and dates in any ISO 8601 format. Pure.

An instant keeps its wall time and offset: `YYYY-MM-DDTHH:MM:SS[.fraction][Z|±HH:MM]`. What Oura sends today is in that
form and stays letter by letter. In a time series it is UTC with milliseconds, in which order of text is order of time.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection

_DAY = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"

PATTERN = rf"^{_DAY}T{_TIME}(\.[0-9]{{1,6}})?(Z|[+-](0[0-9]|1[0-5]):[0-5][0-9])?$"
"""An instant, as a JSON schema's `pattern`. PostgreSQL takes no offset of 16 hours or more."""

UTC_PATTERN = rf"^{_DAY}T{_TIME}\.[0-9]{{3}}Z$"
"""An instant of a time series."""

LONGEST = 100
"""Characters of a text that may be an instant."""

_FORM = re.compile(
    r"""(?P<date>[0-9W-]+)
    (?:[Tt]|\ )
    (?P<hour>\d\d) (?: :?(?P<minute>\d\d) (?: :?(?P<second>\d\d) (?:[.,](?P<fraction>\d+))? )? )?
    \ ?(?P<zone> [Zz] | UTC | GMT | (?P<sign>[+-])(?P<hours>\d\d) (?: :?(?P<minutes>\d\d) )? )?
    (?P<name> (?:\[[^\]]*\])* )""",
    re.VERBOSE | re.ASCII,
)
_CALENDAR = re.compile(r"(\d{4})-(\d\d)-(\d\d)|(\d{4})(\d\d)(\d\d)", re.ASCII)
_WEEK = re.compile(r"(\d{4})(-?)W(\d\d)\2(\d)", re.ASCII)
_ORDINAL = re.compile(r"(\d{4})-?(\d{3})", re.ASCII)
_DATE_WITH_ZONE = re.compile(r"([0-9W-]+)(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_NORMAL = {pattern: re.compile(pattern) for pattern in (PATTERN, UTC_PATTERN)}


class Normal(NamedTuple):
    """A normalised text, and whether it is as precise as the original."""

    text: str
    whole: bool


def is_normal(text: str, pattern: str) -> bool:
    """Return whether a text matches `pattern` and is a valid instant or date."""
    # At the ends of the calendar an offset may lead beyond it: that takes a closer look.
    return _NORMAL[pattern].fullmatch(text) is not None and is_day(text[:10]) and "0001" < text[:4] < "9999"


def all_normal(texts: Collection[str], pattern: str) -> bool:
    """Return whether `is_normal` is true of every text; fast, for millions of samples."""
    one_of_each_day = {text[:10]: text for text in texts}.values()
    return all(map(_NORMAL[pattern].fullmatch, texts)) and all(is_normal(text, pattern) for text in one_of_each_day)


@lru_cache(maxsize=4096)
def is_day(text: str) -> bool:
    """Return whether a text is a valid date, YYYY-MM-DD."""
    return len(text) == 10 and _CALENDAR.fullmatch(text) is not None and _date(text) is not None


def instant(text: str) -> Normal | None:
    """Return an instant with its local time and offset; None for other text, or years outside 1 to 9999."""
    if is_normal(text, PATTERN):
        return Normal(text, True)
    if (parts := _parse(text)) is None:
        return None
    wall, _, fraction, zone, whole = parts
    kept = fraction[:6]
    whole = whole and not fraction[6:].strip("0")
    return Normal(f"{wall.isoformat()}{'.' if kept else ''}{kept}{zone}", whole)


def utc(text: str) -> Normal | None:
    """Return an instant as UTC with milliseconds and Z. Oura's series are in UTC; no offset can only mean that."""
    if is_normal(text, UTC_PATTERN):
        return Normal(text, True)
    if (parts := _parse(text)) is None:
        return None
    wall, moment, fraction, _, whole = parts
    whole = whole and moment == wall and not fraction[3:].strip("0")
    return Normal(f"{moment.isoformat()}.{fraction[:3]:0<3}Z", whole)


def day(text: str) -> Normal | None:
    """Return a date as YYYY-MM-DD, of an instant the local one; None for other text."""
    if is_day(text):
        return Normal(text, True)
    text = text.strip()
    if (found := _date(text)) is not None:
        return Normal(found.isoformat(), True)
    if (form := _DATE_WITH_ZONE.fullmatch(text)) and (found := _date(form[1])):
        return Normal(found.isoformat(), False)
    moment = instant(text)
    return moment and Normal(moment.text[:10], False)


def _parse(text: str) -> tuple[datetime, datetime, str, str, bool] | None:
    """Return wall time and UTC to the second, digits of the fraction, offset as text, whether nothing is left out."""
    text = text.strip().replace("\u2212", "-")
    form = _FORM.fullmatch(text) if len(text) <= LONGEST else None
    found = form and _date(form["date"])
    if not form or not found:
        return None
    hour, minute, second = (int(form[part] or 0) for part in ("hour", "minute", "second"))
    fraction = form["fraction"] or ""
    offset = timedelta(hours=int(form["hours"] or 0), minutes=int(form["minutes"] or 0))
    is_midnight_after = hour == 24 and not (minute or second or fraction.strip("0"))
    if int(form["minutes"] or 0) > 59 or offset >= timedelta(hours=16):
        return None
    if minute > 59 or second > 60 or (hour > 23 and not is_midnight_after):
        return None
    if form["sign"] == "-":
        offset = -offset
    shift = timedelta(days=hour // 24, seconds=second // 60)
    try:
        wall = datetime.combine(found, time(hour % 24, minute, min(second, 59))) + shift
        moment = wall - offset
    except OverflowError:
        return None
    zone = form["zone"] or ""
    if form["sign"]:
        zone = f"{form['sign']}{form['hours']}:{form['minutes'] or '00'}"
    return wall, moment, fraction, "Z" if zone.isalpha() else zone, second < 60 and not form["name"]


def _date(text: str) -> date | None:
    """Return a date of the calendar, of a week or of a year's days; None for what is none."""
    try:
        if form := _CALENDAR.fullmatch(text):
            return date(*(int(part) for part in form.groups() if part))
        if form := _WEEK.fullmatch(text):
            return date.fromisocalendar(int(form[1]), int(form[3]), int(form[4]))
        if form := _ORDINAL.fullmatch(text):
            found = date(int(form[1]), 1, 1) + timedelta(days=int(form[2]) - 1)
            return found if found.year == int(form[1]) else None
    except (ValueError, OverflowError):
        pass
    return None
