"""What each collection contains: one JSON schema property per field that Oura documents.

Every field but a key is nullable and no list of values is closed, because Oura's own answers leave fields out and grow
new values between revisions. Descriptions carry the unit and become column comments. A test compares all of this,
field by field, with models generated from Oura's own document.
"""

from __future__ import annotations

from tap_oura.catalog.fields import (
    Properties,
    array,
    big_integer,
    boolean,
    date,
    instant,
    integer,
    key,
    key_instant,
    number,
    record,
    sample,
    scores,
    text,
)

ID = key("Oura's id of the document")
DAY = date("Oura's own local day")
SCORE = integer("Score, 0–100; null when it could not be computed", 0, 100)
TEMPERATURE_DEVIATION = number("Skin temperature against the personal baseline, °C")
TEMPERATURE_TREND = number("Deviation of the temperature trend, °C")

READINESS_CONTRIBUTORS = record(
    "What the readiness score is made of",
    scores(
        "activity_balance",
        "body_temperature",
        "hrv_balance",
        "previous_day_activity",
        "previous_night",
        "recovery_index",
        "resting_heart_rate",
        "sleep_balance",
        "sleep_regularity",
    ),
)

DAILY_ACTIVITY: Properties = {
    "id": ID,
    "day": date("Activity day, 04:00 to 04:00 local"),
    "active_calories": integer("Energy spent by activity, kcal"),
    "average_met_minutes": number("Mean MET over the day"),
    "class_5_min": text("One digit per five minutes: 0 not worn, 1 rest, 2 inactive, 3 low, 4 medium, 5 high"),
    "contributors": record(
        "What the activity score is made of",
        scores(
            "meet_daily_targets",
            "move_every_hour",
            "recovery_time",
            "stay_active",
            "training_frequency",
            "training_volume",
        ),
    ),
    "equivalent_walking_distance": integer("The day's energy expressed as walking, m"),
    "high_activity_met_minutes": integer("High activity, MET minutes"),
    "high_activity_time": integer("High activity, s"),
    "inactivity_alerts": integer("Number of inactivity alerts"),
    "low_activity_met_minutes": integer("Low activity, MET minutes"),
    "low_activity_time": integer("Low activity, s"),
    "medium_activity_met_minutes": integer("Medium activity, MET minutes"),
    "medium_activity_time": integer("Medium activity, s"),
    "met": sample("MET by minute"),
    "meters_to_target": integer("Distance to the goal, metres; negative once it is passed"),
    "non_wear_time": integer("Ring not worn, s"),
    "resting_time": integer("Resting, s"),
    "score": SCORE,
    "sedentary_met_minutes": integer("Sedentary time, MET minutes"),
    "sedentary_time": integer("Sedentary, s"),
    "steps": integer("Number of steps"),
    "target_calories": integer("The day's goal of active energy, kcal"),
    "target_meters": integer("The day's goal as a distance, metres"),
    "timestamp": instant("Start of the activity day, with offset"),
    "total_calories": integer("Energy spent over the whole day, kcal"),
}

DAILY_CARDIOVASCULAR_AGE: Properties = {
    "id": ID,
    "day": DAY,
    "pulse_wave_velocity": number("Pulse wave velocity, m/s"),
    "vascular_age": integer("Vascular age, years"),
}

DAILY_READINESS: Properties = {
    "id": ID,
    "day": DAY,
    "contributors": READINESS_CONTRIBUTORS,
    "score": SCORE,
    "temperature_deviation": TEMPERATURE_DEVIATION,
    "temperature_trend_deviation": TEMPERATURE_TREND,
    "timestamp": instant("Marker of the day, with offset"),
}

DAILY_RESILIENCE: Properties = {
    "id": ID,
    "day": DAY,
    "contributors": record(
        "What the resilience level is made of",
        scores("sleep_recovery", "daytime_recovery", "stress", kind=number),
    ),
    "level": text("limited, adequate, solid, strong or exceptional"),
}

DAILY_SLEEP: Properties = {
    "id": ID,
    "day": date("Local day of waking up"),
    "contributors": record(
        "What the sleep score is made of",
        scores("deep_sleep", "efficiency", "latency", "rem_sleep", "restfulness", "timing", "total_sleep"),
    ),
    "score": SCORE,
    "timestamp": instant("Marker of the day, with offset"),
}

DAILY_SPO2: Properties = {
    "id": ID,
    "day": DAY,
    "breathing_disturbance_index": integer("Breathing disturbance index, 0 to 100", 0, 100),
    "spo2_percentage": record("Blood oxygen over the night", {"average": number("Mean blood oxygen, %", 0, 100)}),
}

DAILY_STRESS: Properties = {
    "id": ID,
    "day": DAY,
    "day_summary": text("restored, normal or stressful; null until determined"),
    "recovery_high": integer("High recovery, s"),
    "stress_high": integer("High stress, s"),
}

ENHANCED_TAG: Properties = {
    "id": ID,
    "start_day": date("Local day on which the tag starts"),
    "tag_type_code": text("Code of a preset tag, or custom"),
    "start_time": instant("Instant of the tag, or its start"),
    "end_time": instant("End; null without a duration"),
    "end_day": date("Local day of the end; null without a duration"),
    "comment": text("The wearer's own words"),
    "custom_name": text("Name of a custom tag"),
}

HEARTRATE: Properties = {
    "timestamp": key_instant("Instant, UTC with Z"),
    "source": key("awake, rest, sleep, session, live or workout"),
    "timestamp_unix": big_integer("Instant, ms since 1970"),
    "bpm": integer("Heart rate, beats/min"),
}

PERSONAL_INFO: Properties = {
    "id": key("Oura's id of the wearer"),
    "age": integer("Age, years"),
    "weight": number("Weight, kg"),
    "height": number("Height, m"),
    "biological_sex": text("Biological sex, Oura's free text"),
    "email": text("E-mail address, where that scope was granted"),
}

REST_MODE_PERIOD: Properties = {
    "id": ID,
    "start_day": date("Local day of the start"),
    "end_day": date("Local day of the end; null while on"),
    "end_time": instant("End, with offset; null while on"),
    "episodes": array(
        "Episodes of the period",
        {
            "type": ["object", "null"],
            "properties": {
                "tags": array("Codes of tags", text("Code of a tag")),
                "timestamp": instant("Instant, with offset"),
            },
        },
    ),
    "start_time": instant("Start, with offset"),
}

RING_BATTERY_LEVEL: Properties = {
    "timestamp": key_instant("Instant, UTC with Z"),
    "timestamp_unix": big_integer("Instant, ms since 1970"),
    "charging": boolean("Whether the ring is being charged"),
    "in_charger": boolean("Whether the ring lies in its charger"),
    "level": integer("Battery level, %", 0, 100),
}

RING_CONFIGURATION: Properties = {
    "id": ID,
    "color": text("Colour"),
    "design": text("Design"),
    "firmware_version": text("Version of the firmware"),
    "hardware_type": text("Generation, such as `gen3` or `gen4`"),
    "set_up_at": instant("When the ring was paired"),
    "size": integer("US ring size"),
}

SESSION: Properties = {
    "id": ID,
    "day": DAY,
    "end_datetime": instant("End, with offset"),
    "heart_rate": sample("Heart rate, beats/min"),
    "heart_rate_variability": sample("Heart rate variability (RMSSD), ms"),
    "mood": text("The wearer's own word: `bad`, `worse`, `same`, `good` or `great`"),
    "motion_count": sample("Movements per interval"),
    "start_datetime": instant("Start, with offset"),
    "type": text("breathing, meditation, nap, relaxation, rest or body_status"),
}

SLEEP: Properties = {
    "id": ID,
    "day": date("Local day for which the sleep counts"),
    "average_breath": number("Mean breathing rate, breaths per minute"),
    "average_heart_rate": number("Mean heart rate, beats per minute"),
    "average_hrv": integer("Mean heart-rate variability, RMSSD in ms"),
    "awake_time": integer("Seconds awake in bed"),
    "bedtime_end": instant("End of the period, with offset; null while it is unfinished"),
    "bedtime_start": instant("Start of the period, with offset"),
    "deep_sleep_duration": integer("Deep sleep, s"),
    "efficiency": integer("Asleep share of the time in bed, %"),
    "heart_rate": sample("Heart rate, beats/min"),
    "hrv": sample("Heart rate variability (RMSSD), ms"),
    "latency": integer("Time to fall asleep, s"),
    "light_sleep_duration": integer("Light sleep, s"),
    "low_battery_alert": boolean("Whether the battery ran low meanwhile"),
    "lowest_heart_rate": integer("Lowest heart rate, beats per minute"),
    "movement_30_sec": text("One digit per 30 s: 1 none, 2 restless, 3 tossing, 4 active"),
    "period": integer("Oura's internal number of the period; no key"),
    "readiness": record(
        "Readiness as computed for this period",
        {
            "contributors": READINESS_CONTRIBUTORS,
            "score": SCORE,
            "temperature_deviation": TEMPERATURE_DEVIATION,
            "temperature_trend_deviation": TEMPERATURE_TREND,
        },
    ),
    "readiness_score_delta": integer("Points that the period added to the day's readiness score"),
    "rem_sleep_duration": integer("REM sleep, s"),
    "restless_periods": integer("Number of restless periods"),
    "sleep_algorithm_version": text("Version of Oura's staging: `v1` or `v2`"),
    "sleep_analysis_reason": text("Why this version of the document exists"),
    "sleep_phase_30_sec": text("One digit per 30 s: 1 deep, 2 light, 3 REM, 4 awake"),
    "sleep_phase_5_min": text("One digit per five minutes: 1 deep, 2 light, 3 REM, 4 awake"),
    "sleep_score_delta": integer("Points that the period added to the day's sleep score"),
    "time_in_bed": integer("Seconds in bed"),
    "total_sleep_duration": integer("Asleep, s"),
    "type": text("long_sleep, sleep, late_nap, rest or deleted"),
    "ring_id": text("Oura's encrypted id of the ring; usually null"),
    "app_sleep_phase_5_min": text("Staging as drawn in the app, one digit per 5 min"),
}

SLEEP_TIME: Properties = {
    "id": ID,
    "day": DAY,
    "optimal_bedtime": record(
        "Recommended bedtime",
        {
            "day_tz": integer("UTC offset of the day, s"),
            "end_offset": integer("Latest, s from midnight"),
            "start_offset": integer("Earliest, s from midnight; negative before midnight"),
        },
    ),
    "recommendation": text("Oura's advice, such as `earlier_bedtime`"),
    "status": text("What Oura could say, such as `optimal_found` or `not_enough_nights`"),
}

TAG: Properties = {
    "id": ID,
    "day": DAY,
    "text": text("The wearer's own words"),
    "timestamp": instant("Instant of the tag"),
    "tags": array("Codes of tags", text("Code of a tag")),
}

VO2_MAX: Properties = {
    "id": ID,
    "day": DAY,
    "timestamp": instant("Instant of the estimate, with offset"),
    "vo2_max": number("Maximal oxygen uptake, mL/kg/min"),
}

WORKOUT: Properties = {
    "id": ID,
    "day": DAY,
    "activity": text("Kind of sport, Oura's open vocabulary"),
    "calories": number("Energy spent, kcal"),
    "distance": number("Distance, metres"),
    "end_datetime": instant("End, with offset"),
    "intensity": text("easy, moderate or hard"),
    "label": text("The wearer's own text"),
    "source": text("How Oura learned of it, such as `manual` or `autodetected`"),
    "start_datetime": instant("Start, with offset"),
}
