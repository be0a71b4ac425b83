"""The reporting tables, compared day by day with what the simulator serves; computed here, independently."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

import pytest

from tests.conftest import TODAY, Pipeline

USERS = ("user-1", "user-2")
COUNTED = ("long_sleep", "sleep", "late_nap")

PUBLISHED = [
    "SELECT date, total_sleep, rem_sleep, deep_sleep FROM oura_sleep ORDER BY date DESC LIMIT 7;",
    "SELECT date, steps, active_calories, total_calories FROM oura_activity ORDER BY date DESC LIMIT 7;",
    "SELECT DATE_TRUNC('week', date) AS week, AVG(total_sleep), AVG(sleep_efficiency) FROM oura_sleep "
    "GROUP BY week ORDER BY week DESC;",
    "SELECT a.date, a.steps, a.activity_score, r.readiness_score FROM oura_activity a "
    "JOIN oura_readiness r ON a.date = r.date ORDER BY a.date DESC;",
    "SELECT DATE_TRUNC('week', date) as week, AVG(total_sleep) as avg_sleep, AVG(sleep_efficiency) as avg_efficiency "
    "FROM oura_sleep GROUP BY week ORDER BY week DESC;",
    "SELECT * FROM oura_sleep ORDER BY date",
    "SELECT relname, pg_size_pretty(pg_total_relation_size(relid)) FROM pg_stat_user_tables WHERE schemaname='public';",
]

MARTS = [
    "oura_sleep",
    "oura_sleep_periods",
    "oura_activity",
    "oura_readiness",
    "oura_heart_rate",
    "oura_heart_rate_daily",
    "oura_workouts",
    "oura_tags",
    "oura_sessions",
    "oura_stress",
    "oura_spo2",
    "oura_resilience",
    "oura_cardiovascular_age",
    "oura_vo2_max",
    "oura_sleep_time",
    "oura_rest_mode",
    "oura_rings",
    "oura_profile",
    "oura_daily",
]


def documents(pipeline: Pipeline, user: str, collection: str) -> list[dict[str, Any]]:
    return pipeline.simulator.documents(user, collection, start=pipeline.start_date)


def by_day(rows: list[dict[str, Any]], user: str, *columns: str) -> dict[str, tuple[Any, ...]]:
    return {str(row["date"]): tuple(row[column] for column in columns) for row in rows if row["user_id"] == user}


@pytest.mark.parametrize("mart", MARTS)
def test_every_mart_has_rows_of_every_account(collected: Pipeline, mart: str) -> None:
    assert {row["user_id"] for row in collected.rows(f"SELECT DISTINCT user_id FROM {mart}")} == set(USERS)


@pytest.mark.parametrize("query", PUBLISHED)
def test_the_published_queries_run_as_they_stand(collected: Pipeline, query: str) -> None:
    assert collected.rows(query)


@pytest.mark.parametrize("user", USERS)
def test_sleep_equals_ouras_data_day_by_day(collected: Pipeline, user: str) -> None:
    periods = defaultdict(list)
    for period in documents(collected, user, "sleep"):
        if period["type"] in COUNTED:
            periods[period["day"]].append(period)
    scores = {document["day"]: document["score"] for document in documents(collected, user, "daily_sleep")}
    expected = {}
    for day in periods.keys() | scores.keys():
        nights = [period for period in periods[day] if period["type"] == "long_sleep"]
        night = max(nights, key=lambda period: period["total_sleep_duration"], default={})
        expected[day] = (
            sum(period["total_sleep_duration"] for period in periods[day]) if periods[day] else None,
            night.get("rem_sleep_duration"),
            night.get("deep_sleep_duration"),
            night.get("light_sleep_duration"),
            night.get("awake_time"),
            night.get("time_in_bed"),
            night.get("efficiency"),
            night.get("latency"),
            scores.get(day),
            datetime.fromisoformat(night["bedtime_start"]) if night else None,
            datetime.fromisoformat(night["bedtime_end"]) if night else None,
            night.get("average_hrv"),
            night.get("average_heart_rate"),
            night.get("lowest_heart_rate"),
            night.get("average_breath"),
            sum(period["type"] != "long_sleep" for period in periods[day]),
        )

    columns = (
        "total_sleep rem_sleep deep_sleep light_sleep awake_time time_in_bed sleep_efficiency sleep_latency "
        "sleep_score bedtime_start bedtime_end average_hrv average_heart_rate lowest_heart_rate "
        "average_breath nap_count"
    ).split()
    assert by_day(collected.rows("SELECT * FROM oura_sleep"), user, *columns) == expected
    assert len(expected) > 20


@pytest.mark.parametrize("user", USERS)
def test_activity_equals_ouras_data_day_by_day(collected: Pipeline, user: str) -> None:
    same = (
        "steps active_calories total_calories equivalent_walking_distance non_wear_time high_activity_time "
        "medium_activity_time low_activity_time sedentary_time resting_time high_activity_met_minutes "
        "medium_activity_met_minutes low_activity_met_minutes sedentary_met_minutes target_calories "
        "target_meters meters_to_target inactivity_alerts class_5_min"
    ).split()
    expected = {
        document["day"]: (document["score"], *(document[name] for name in same))
        for document in documents(collected, user, "daily_activity")
    }

    rows = collected.rows("SELECT * FROM oura_activity")

    assert by_day(rows, user, "activity_score", *same) == expected
    assert len(expected) > 20


@pytest.mark.parametrize("user", USERS)
def test_readiness_equals_ouras_data_day_by_day(collected: Pipeline, user: str) -> None:
    nights = {}
    for period in sorted(documents(collected, user, "sleep"), key=lambda period: period["total_sleep_duration"] or 0):
        if period["type"] == "long_sleep":
            nights[period["day"]] = (period["average_hrv"], period["lowest_heart_rate"])
    contributors = (
        "activity_balance body_temperature hrv_balance previous_day_activity previous_night recovery_index "
        "resting_heart_rate sleep_balance sleep_regularity"
    ).split()
    expected = {
        document["day"]: (
            document["score"],
            document["temperature_deviation"],
            document["temperature_trend_deviation"],
            *nights.get(document["day"], (None, None)),
            *(document["contributors"][name] for name in contributors),
        )
        for document in documents(collected, user, "daily_readiness")
    }

    columns = ["readiness_score", "temperature_deviation", "temperature_trend_deviation", "hrv", "resting_heart_rate"]
    rows = collected.rows("SELECT * FROM oura_readiness")
    assert by_day(rows, user, *columns, *(f"contributor_{name}" for name in contributors)) == expected


@pytest.mark.parametrize("user", USERS)
def test_heart_rate_equals_ouras_data_sample_by_sample(collected: Pipeline, user: str) -> None:
    expected = sorted(
        (datetime.fromisoformat(row["timestamp"]), row["source"], row["bpm"])
        for row in collected.simulator.documents(user, "heartrate", start=collected.first_utc_day)
    )

    rows = collected.rows('SELECT "timestamp", source, bpm FROM oura_heart_rate WHERE user_id = %s', user)

    assert sorted((row["timestamp"], row["source"], row["bpm"]) for row in rows) == expected
    assert len(expected) > 5_000


@pytest.mark.parametrize("user", USERS)
def test_a_sample_belongs_to_the_local_day_of_its_night(collected: Pipeline, user: str) -> None:
    nights = [
        (datetime.fromisoformat(period["bedtime_start"]), datetime.fromisoformat(period["bedtime_end"]))
        for period in documents(collected, user, "sleep")
        if period["type"] == "long_sleep"
    ]
    rows = collected.rows('SELECT "timestamp", date FROM oura_heart_rate WHERE user_id = %s', user)

    checked = 0
    for start, end in nights:
        if start.utcoffset() != end.utcoffset():  # The clocks changed, or the wearer flew: which one counts is moot.
            continue
        for row in rows:
            if start <= row["timestamp"] <= end:
                assert row["date"] == row["timestamp"].astimezone(start.tzinfo).date()
                checked += 1
    assert checked > 1_000


def test_today_is_not_complete_and_yesterday_is(collected: Pipeline) -> None:
    rows = collected.rows(
        "SELECT date, bool_and(is_complete) AS complete FROM oura_activity GROUP BY date ORDER BY date"
    )

    complete = {str(row["date"]): row["complete"] for row in rows}
    assert complete[TODAY] is False
    assert complete["2026-03-25"] is True


def test_every_column_of_every_mart_is_described_in_the_database(collected: Pipeline) -> None:
    bare = collected.rows(
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT a.attisdropped "
        "AND col_description(c.oid, a.attnum) IS NULL"
    )
    assert bare == []


def test_every_mart_has_a_primary_key_that_begins_with_the_account(collected: Pipeline) -> None:
    keys = collected.rows(
        "SELECT c.relname, (SELECT attname FROM pg_attribute WHERE attrelid = c.oid AND attnum = i.indkey[0]) AS first "
        "FROM pg_class c LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
    )
    assert {row["relname"] for row in keys} >= set(MARTS)
    assert [row["relname"] for row in keys if row["first"] != "user_id"] == []


def test_every_unique_index_of_raw_rows_and_marts_begins_with_the_account(collected: Pipeline) -> None:
    """What a database that spreads its rows by account asks of every key."""
    indexes = collected.rows(
        "SELECT c.relnamespace::regnamespace::text AS schema, c.relname, a.attname AS first FROM pg_index i "
        "JOIN pg_class c ON c.oid = i.indrelid "
        "LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] AND i.indkey[0] > 0 "
        "WHERE i.indisunique AND c.relnamespace IN ('oura_raw'::regnamespace, 'public'::regnamespace)"
    )
    assert len([each for each in indexes if each["schema"] == "oura_raw"]) >= 20
    assert [f"{each['schema']}.{each['relname']}" for each in indexes if each["first"] != "user_id"] == []
