"""Heart rate: samples, zones, recovery."""

from __future__ import annotations

from boards.panels import Dashboard, Panel, stat
from boards.queries import CHOSEN, daily, latest

# A year has some 250,000 samples: the database thins them out to what a screen can show.
SAMPLES = (
    "SELECT $__timeGroupAlias(timestamp, $__interval),\n"
    '  min(bpm) AS "Lowest", avg(bpm) AS "Mean", max(bpm) AS "Highest"\n'
    f"FROM oura_heart_rate\nWHERE {CHOSEN} AND $__timeFilter(timestamp)\nGROUP BY 1\nORDER BY 1"
)
ZONES = daily(
    "oura_heart_rate_daily",
    **{f"Zone_{zone}": f"zone_{zone}_minutes" for zone in range(1, 6)},
)

BOARD = Dashboard(
    "Heart rate",
    [
        stat("Resting", latest("oura_heart_rate_daily", "resting_bpm", "heartrate"), "suffix: bpm"),
        stat(
            "Mean of the latest day",
            latest("oura_heart_rate_daily", "time_weighted_mean_bpm", "heartrate"),
            "suffix: bpm",
        ),
        stat("Highest of the latest day", latest("oura_heart_rate_daily", "max_bpm", "heartrate"), "suffix: bpm"),
        stat(
            "Nocturnal dip",
            latest("oura_heart_rate_daily", "nocturnal_dip_percent", "heartrate"),
            "percent",
            [("yellow", None), ("green", 10)],
        ),
        Panel("Heart rate", SAMPLES, "suffix: bpm", width=24, height=10),
        Panel(
            "Day by day",
            daily("oura_heart_rate_daily", Lowest="min_bpm", Mean="time_weighted_mean_bpm", Highest="max_bpm"),
            "suffix: bpm",
        ),
        Panel(
            "Asleep, at rest, awake",
            daily("oura_heart_rate_daily", Asleep="mean_sleep_bpm", At_rest="mean_rest_bpm", Awake="mean_awake_bpm"),
            "suffix: bpm",
        ),
        Panel("Resting heart rate", daily("oura_heart_rate_daily", Resting="resting_bpm"), "suffix: bpm"),
        Panel("Minutes in heart-rate zones", ZONES, "m", bars=True, stack=True),
        Panel(
            "Nocturnal dip over time",
            daily("oura_heart_rate_daily", Dip="nocturnal_dip_percent"),
            "percent",
            "How far the mean asleep lies below the mean awake.",
            steps=[("yellow", None), ("green", 10)],
        ),
        Panel(
            "Recovery after exercise",
            daily("oura_heart_rate_daily", Fall="recovery_bpm"),
            "suffix: bpm",
            "Greatest fall within ten minutes after exercise.",
        ),
    ],
    days=14,
)
