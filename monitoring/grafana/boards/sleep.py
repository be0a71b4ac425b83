"""Nights and naps."""

from __future__ import annotations

from boards.panels import Dashboard, Panel, stat
from boards.queries import ASLEEP, EFFICIENCY, IN_DAYS, OXYGEN, SCORE, clock, daily, latest, listed

PHASES = daily("oura_sleep", Deep="deep_sleep", Light="light_sleep", REM="rem_sleep", Awake="awake_time")
PERIODS = listed(
    "oura_sleep_periods",
    f"type, {clock('bedtime_start_local')} AS bedtime, {clock('bedtime_end_local')} AS wake_up,\n"
    "  total_sleep / 60 AS asleep_minutes, sleep_efficiency AS efficiency_percent, is_main_sleep",
)

BOARD = Dashboard(
    "Sleep",
    [
        stat("Sleep score", latest("oura_sleep", "sleep_score"), "none", SCORE),
        stat("Asleep, latest day", latest("oura_sleep", "total_sleep"), "s", ASLEEP),
        stat("Efficiency, latest night", latest("oura_sleep", "sleep_efficiency"), "percent", EFFICIENCY),
        stat("Asleep, mean", f"SELECT avg(total_sleep) AS mean FROM oura_sleep WHERE {IN_DAYS}", "s", ASLEEP),
        Panel("Phases of the main sleep", PHASES, "s", bars=True, stack=True),
        Panel("Score", daily("oura_sleep", Score="sleep_score"), "none", steps=SCORE, range=(0, 100)),
        Panel("All sleep of the day, naps included", daily("oura_sleep", Asleep="total_sleep"), "s", steps=ASLEEP),
        Panel(
            "Efficiency",
            daily("oura_sleep", Efficiency="sleep_efficiency"),
            "percent",
            "Share of the time in bed spent asleep.",
            steps=EFFICIENCY,
            range=(0, 100),
        ),
        Panel("Time to fall asleep", daily("oura_sleep", Latency="sleep_latency"), "s", bars=True),
        Panel(
            "Heart rate asleep",
            daily("oura_sleep", Mean="average_heart_rate", Lowest="lowest_heart_rate"),
            "suffix: bpm",
        ),
        Panel("Heart-rate variability asleep", daily("oura_sleep", RMSSD="average_hrv"), "ms"),
        Panel("Breathing rate asleep", daily("oura_sleep", Rate="average_breath"), "suffix: breaths/min"),
        Panel("Blood oxygen", daily("oura_spo2", SpO2="average_spo2"), "percent", steps=OXYGEN, range=(85, 100)),
        Panel(
            "Bedtime that Oura recommends",
            listed(
                "oura_sleep_time",
                f"{clock('optimal_bedtime_start_local')} AS from, {clock('optimal_bedtime_end_local')} AS until,\n"
                "  recommendation, status",
            ),
            "none",
            kind="table",
        ),
        Panel("Sleep periods", PERIODS, "none", "Times are those of the wearer's clock.", kind="table", width=24),
    ],
)
