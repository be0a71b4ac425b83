"""Readiness, recovery and stress."""

from __future__ import annotations

from boards.panels import Dashboard, Panel, stat
from boards.queries import SCORE, TEMPERATURE, daily, latest, listed

CONTRIBUTORS = daily(
    "oura_readiness",
    Previous_night="contributor_previous_night",
    Sleep_balance="contributor_sleep_balance",
    Previous_day="contributor_previous_day_activity",
    Activity_balance="contributor_activity_balance",
    Temperature="contributor_body_temperature",
    HRV_balance="contributor_hrv_balance",
    Resting_heart_rate="contributor_resting_heart_rate",
    Recovery_index="contributor_recovery_index",
)
LEVEL = "array_position(ARRAY['limited', 'adequate', 'solid', 'strong', 'exceptional'], level)"

BOARD = Dashboard(
    "Readiness",
    [
        stat("Readiness score", latest("oura_readiness", "readiness_score"), "none", SCORE),
        stat("Temperature deviation", latest("oura_readiness", "temperature_deviation"), "celsius", TEMPERATURE),
        stat("Resting heart rate", latest("oura_readiness", "resting_heart_rate"), "suffix: bpm"),
        stat("Heart-rate variability", latest("oura_readiness", "hrv"), "ms"),
        Panel("Score", daily("oura_readiness", Score="readiness_score"), "none", steps=SCORE, range=(0, 100)),
        Panel("Contributors", CONTRIBUTORS, "none", "Scores that make up the readiness score.", range=(0, 100)),
        Panel("Heart-rate variability in the main sleep", daily("oura_readiness", RMSSD="hrv"), "ms"),
        Panel(
            "Resting heart rate in the main sleep", daily("oura_readiness", Lowest="resting_heart_rate"), "suffix: bpm"
        ),
        Panel(
            "Temperature, against one's own baseline",
            daily("oura_readiness", Deviation="temperature_deviation", Trend="temperature_trend_deviation"),
            "celsius",
            steps=TEMPERATURE,
        ),
        Panel(
            "Stress and recovery in the day",
            daily("oura_stress", High_stress="stress_high", High_recovery="recovery_high"),
            "s",
            bars=True,
        ),
        Panel(
            "Resilience",
            daily("oura_resilience", Level=LEVEL),
            "none",
            "1 limited, 2 adequate, 3 solid, 4 strong, 5 exceptional.",
            range=(1, 5),
        ),
        Panel("Cardiovascular age", daily("oura_cardiovascular_age", Age="vascular_age"), "suffix: years"),
        Panel(
            "Rest mode",
            listed("oura_rest_mode", "end_date::text AS until, is_open, episode_count AS episodes", day="start_date"),
            "none",
            "Periods that began within the chosen time.",
            kind="table",
            width=24,
        ),
    ],
)
