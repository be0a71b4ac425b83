"""Whether the collector works: its metrics, and the status of accounts and rings in the database."""

from __future__ import annotations

from boards.panels import Dashboard, Panel, Steps, stat
from boards.queries import CHOSEN, IN_DAYS, daily

HOURS: Steps = [("green", None), ("yellow", 5400), ("red", 7200)]
NONE: Steps = [("green", None), ("red", 1)]
QUOTA: Steps = [("red", None), ("yellow", 500), ("green", 1000)]
CHARGE: Steps = [("red", None), ("yellow", 15), ("green", 30)]

SINCE_LAST = "time() - oura_collector_last_collection_timestamp"
OPEN_FAILURES = f"SELECT count(*) AS failures FROM oura_collection_failures WHERE {CHOSEN} AND recovered_at IS NULL"
NEWEST = "\nUNION ALL\n".join(
    f"SELECT '{what}' AS data, max(date)::text AS newest_day, count(*) AS rows FROM {mart} WHERE {CHOSEN}"
    for what, mart in (
        ("activity", "oura_activity"),
        ("heart rate", "oura_heart_rate_daily"),
        ("readiness", "oura_readiness"),
        ("sleep", "oura_sleep"),
        ("stress", "oura_stress"),
        ("workouts", "oura_workouts"),
    )
)
RINGS = (
    "SELECT hardware_type, firmware_version, design, color, size, set_up_at::date::text AS paired_on, is_current\n"
    f"FROM oura_rings WHERE {CHOSEN} ORDER BY set_up_at DESC NULLS LAST"
)
BATTERY = (
    'SELECT timestamp AS time, level AS "Charge"\nFROM oura_ring_battery\n'
    f"WHERE {CHOSEN} AND $__timeFilter(timestamp)\nORDER BY time"
)
STATUSES = {
    "present": ("green", "present"),
    "in_progress": ("light-green", "in progress"),
    "nothing_at_oura": ("semi-dark-blue", "nothing at Oura"),
    "ring_not_worn": ("light-blue", "ring not worn"),
    "not_synced_yet": ("yellow", "not synced yet"),
    "no_permission": ("orange", "no permission"),
    "our_failure": ("red", "our failure"),
    "not_asked": ("text", "not asked"),
}
COLLECTIONS = (
    *("sleep", "daily_sleep", "daily_readiness", "daily_activity", "daily_stress", "daily_resilience", "daily_spo2"),
    *("daily_cardiovascular_age", "vo2_max", "sleep_time", "heartrate", "ring_battery_level"),
    *("workout", "session", "enhanced_tag", "tag", "rest_mode_period"),
)
# Words cannot be a time series of Grafana's, so each collection is a column.
COMPLETENESS = (
    "SELECT date + time '12:00' AS time,\n"
    + ",\n".join(f"  max(status) FILTER (WHERE collection = '{name}') AS \"{name}\"" for name in COLLECTIONS)
    + f"\nFROM oura_completeness\nWHERE {IN_DAYS}\nGROUP BY date\nORDER BY date"
)
SIZES = (
    "SELECT schemaname || '.' || relname AS table, pg_total_relation_size(relid) AS size, n_live_tup AS rows,\n"
    "  n_dead_tup AS dead_rows, coalesce(last_autovacuum, last_vacuum)::text AS vacuumed_at\n"
    "FROM pg_stat_user_tables WHERE relname LIKE 'oura\\_%' OR schemaname LIKE 'oura\\_%'\n"
    "ORDER BY size DESC LIMIT 20"
)

BOARD = Dashboard(
    "Operations",
    [
        stat("Time since the last collection", SINCE_LAST, "s", HOURS, legend="age"),
        stat("Errors, last day", "sum(increase(oura_collector_errors_total[1d]))", "short", NONE, legend="errors"),
        stat("Requests left", "oura_collector_rate_limit_remaining", "short", QUOTA, legend="left"),
        stat("Open failures", OPEN_FAILURES, "short", NONE),
        Panel(
            "Runs per hour",
            "sum by (outcome) (increase(oura_collector_collections_total[1h]))",
            "short",
            bars=True,
            stack=True,
            legend="{{outcome}}",
        ),
        Panel(
            "Errors per hour",
            "sum by (reason) (increase(oura_collector_errors_total[1h]))",
            "short",
            bars=True,
            stack=True,
            legend="{{reason}}",
        ),
        Panel(
            "Requests to Oura per hour",
            "sum by (status) (increase(oura_collector_api_requests_total[1h]))",
            "short",
            bars=True,
            stack=True,
            legend="{{status}}",
        ),
        Panel(
            "Requests left over time",
            "oura_collector_rate_limit_remaining",
            "short",
            "Of the hourly budget of 5,000.",
            steps=QUOTA,
            legend="left",
        ),
        Panel("Newest data", NEWEST, "none", kind="table"),
        Panel("Rings", RINGS, "none", kind="table"),
        Panel("Ring battery", BATTERY, "percent", steps=CHARGE, range=(0, 100)),
        Panel("Ring not worn", daily("oura_activity", Not_worn="non_wear_time"), "s", bars=True),
        Panel(
            "Complete days",
            "SELECT date + time '12:00' AS time, is_complete::int AS \"Complete\"\nFROM oura_activity\n"
            f"WHERE {IN_DAYS}\nORDER BY time",
            "bool_yes_no",
            "A day is complete when it has ended and the ring was synced since.",
            bars=True,
            range=(0, 1),
        ),
        Panel(
            "Completeness by day",
            COMPLETENESS,
            "none",
            "Whether the data of each day is there, and if not, why; `oura_completeness` has the reasons.",
            kind="status-history",
            mappings=STATUSES,
            width=24,
            height=14,
        ),
        Panel("Table sizes", SIZES, "short", "Including indexes.", kind="table", units={"size": "bytes"}),
    ],
    days=7,
)
