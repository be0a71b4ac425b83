"""The three shapes of query that the panels have, and the bands that values are coloured by.

A daily value is drawn at noon UTC, which is the same calendar day on nearly every wall clock of the world; instants of
a wearer's clock are shown as text, because Grafana would move them into the reader's time zone.
"""

from __future__ import annotations

from boards.panels import Steps

CHOSEN = "user_id = ${user:sqlstring}"
IN_DAYS = f"{CHOSEN} AND $__timeFilter(date)"

SCORE: Steps = [("red", None), ("orange", 60), ("yellow", 70), ("green", 85)]
"""Oura's own bands: pay attention, fair, good, optimal."""
ASLEEP: Steps = [("red", None), ("yellow", 6 * 3600), ("green", 7 * 3600)]
EFFICIENCY: Steps = [("red", None), ("yellow", 75), ("green", 85)]
STEPS: Steps = [("red", None), ("yellow", 5000), ("green", 8000)]
OXYGEN: Steps = [("red", None), ("yellow", 90), ("green", 95)]
TEMPERATURE: Steps = [("blue", None), ("green", -0.5), ("yellow", 0.5), ("red", 1)]


def daily(mart: str, **columns: str) -> str:
    """Return the query of values per day: legend = expression, with `_` for blanks in the legend."""
    shown = ", ".join(f'{expression} AS "{legend.replace("_", " ")}"' for legend, expression in columns.items())
    return f"SELECT date + time '12:00' AS time, {shown}\nFROM {mart}\nWHERE {IN_DAYS}\nORDER BY time"


def latest(mart: str, column: str, collection: str | None = None) -> str:
    """Return the query of the newest known value within the chosen time, and its day as `day`.

    `collection` is the one whose day in progress grows: such a day is marked.
    """
    day = "date::text" if collection is None else f"date::text || {_in_progress(mart, collection)}"
    known = f"{IN_DAYS} AND {column} IS NOT NULL"
    return f"SELECT {day} AS day, {column}\nFROM {mart}\nWHERE {known}\nORDER BY date DESC LIMIT 1"


def _in_progress(mart: str, collection: str) -> str:
    return (
        "CASE WHEN EXISTS (\n  SELECT FROM oura_completeness AS days\n"
        f"  WHERE days.user_id = {mart}.user_id AND days.date = {mart}.date\n"
        f"    AND days.collection = '{collection}' AND days.status = 'in_progress'\n) THEN ', in progress' ELSE '' END"
    )


def listed(mart: str, columns: str, day: str = "date") -> str:
    """Return the query of a table, newest first; `day` is the column that the chosen time limits."""
    return (
        f"SELECT {day}::text AS day, {columns}\nFROM {mart}\n"
        f"WHERE {CHOSEN} AND $__timeFilter({day})\nORDER BY {mart}.{day} DESC"
    )


def clock(column: str) -> str:
    """Return the expression of an instant by the wearer's clock, as text."""
    return f"to_char({column}, 'YYYY-MM-DD HH24:MI')"
