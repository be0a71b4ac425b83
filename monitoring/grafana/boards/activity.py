"""Movement, energy and what was done."""

from __future__ import annotations

from boards.panels import Dashboard, Panel, stat
from boards.queries import SCORE, STEPS, clock, daily, latest, listed

INTENSITY = daily(
    "oura_activity",
    High="high_activity_time",
    Medium="medium_activity_time",
    Low="low_activity_time",
    Sedentary="sedentary_time",
    Resting="resting_time",
    Not_worn="non_wear_time",
)

BOARD = Dashboard(
    "Activity",
    [
        stat("Activity score", latest("oura_activity", "activity_score", "daily_activity"), "none", SCORE),
        stat("Steps, latest day", latest("oura_activity", "steps", "daily_activity"), "short", STEPS),
        stat("Active energy, latest day", latest("oura_activity", "active_calories", "daily_activity"), "suffix: kcal"),
        stat("VO2 max", latest("oura_vo2_max", "vo2_max"), "suffix: ml/kg/min"),
        Panel("Steps", daily("oura_activity", Steps="steps"), "short", bars=True, steps=STEPS),
        Panel("Score", daily("oura_activity", Score="activity_score"), "none", steps=SCORE, range=(0, 100)),
        Panel("Time by intensity", INTENSITY, "s", bars=True, stack=True),
        Panel("Energy", daily("oura_activity", Active="active_calories", Total="total_calories"), "suffix: kcal"),
        Panel(
            "Walking distance equivalent",
            daily("oura_activity", Distance="equivalent_walking_distance"),
            "lengthm",
            bars=True,
        ),
        Panel("VO2 max over time", daily("oura_vo2_max", VO2_max="vo2_max"), "suffix: ml/kg/min"),
        Panel(
            "Workouts",
            listed(
                "oura_workouts",
                f"{clock('start_local')} AS start, activity, intensity, duration / 60 AS minutes,\n"
                "  calories AS kcal, distance AS metres, source",
            ),
            "none",
            kind="table",
            width=24,
        ),
        Panel(
            "Sessions",
            listed(
                "oura_sessions",
                f"{clock('start_local')} AS start, type, duration / 60 AS minutes, mood,\n"
                "  average_heart_rate AS bpm, average_hrv AS hrv_ms",
            ),
            "none",
            kind="table",
        ),
        Panel(
            "Tags",
            listed("oura_tags", f"{clock('start_local')} AS start, tag_type_code AS tag, custom_name, comment"),
            "none",
            kind="table",
        ),
    ],
)
