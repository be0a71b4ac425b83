{#- Written by `make generated` from the YAML of the marts and tap_oura/catalog; change it there. -#}

{#- The collections of documents, each with the column of its day; empty where it has none. -#}
{% macro day_columns() -%}
    {{ return({
        "daily_activity": "day",
        "daily_cardiovascular_age": "day",
        "daily_readiness": "day",
        "daily_resilience": "day",
        "daily_sleep": "day",
        "daily_spo2": "day",
        "daily_stress": "day",
        "enhanced_tag": "start_day",
        "personal_info": "",
        "rest_mode_period": "start_day",
        "ring_configuration": "",
        "session": "day",
        "sleep": "day",
        "sleep_time": "day",
        "tag": "day",
        "vo2_max": "day",
        "workout": "day"
    }) }}
{%- endmacro %}

{#- What a mart takes from another model: by mart, model and column, the name that it has there. -#}
{% macro taken_columns() -%}
    {{ return({
        "oura_activity": {
            "stg_oura__daily_activity": {
                "activity_score": "score",
                "steps": "steps",
                "active_calories": "active_calories",
                "total_calories": "total_calories",
                "equivalent_walking_distance": "equivalent_walking_distance",
                "high_activity_time": "high_activity_time",
                "medium_activity_time": "medium_activity_time",
                "low_activity_time": "low_activity_time",
                "sedentary_time": "sedentary_time",
                "resting_time": "resting_time",
                "non_wear_time": "non_wear_time",
                "average_met": "average_met_minutes",
                "day_start": "recorded_at",
                "day_start_local": "recorded_local",
                "day_start_utc_offset": "recorded_utc_offset",
                "document_id": "document_id",
                "class_5_min": "class_5_min",
                "contributor_meet_daily_targets": "contributor_meet_daily_targets",
                "contributor_move_every_hour": "contributor_move_every_hour",
                "contributor_recovery_time": "contributor_recovery_time",
                "contributor_stay_active": "contributor_stay_active",
                "contributor_training_frequency": "contributor_training_frequency",
                "contributor_training_volume": "contributor_training_volume",
                "high_activity_met_minutes": "high_activity_met_minutes",
                "inactivity_alerts": "inactivity_alerts",
                "low_activity_met_minutes": "low_activity_met_minutes",
                "medium_activity_met_minutes": "medium_activity_met_minutes",
                "meters_to_target": "meters_to_target",
                "sedentary_met_minutes": "sedentary_met_minutes",
                "target_calories": "target_calories",
                "target_meters": "target_meters"
            }
        },
        "oura_cardiovascular_age": {
            "stg_oura__daily_cardiovascular_age": {
                "vascular_age": "vascular_age",
                "pulse_wave_velocity": "pulse_wave_velocity",
                "document_id": "document_id"
            }
        },
        "oura_daily": {
            "oura_sleep": {
                "sleep_score": "sleep_score",
                "total_sleep": "total_sleep",
                "main_sleep": "main_sleep",
                "rem_sleep": "rem_sleep",
                "deep_sleep": "deep_sleep",
                "light_sleep": "light_sleep",
                "awake_time": "awake_time",
                "time_in_bed": "time_in_bed",
                "sleep_efficiency": "sleep_efficiency",
                "bedtime_start": "bedtime_start",
                "bedtime_start_local": "bedtime_start_local",
                "bedtime_end": "bedtime_end",
                "bedtime_end_local": "bedtime_end_local",
                "average_hrv": "average_hrv",
                "average_heart_rate": "average_heart_rate",
                "lowest_heart_rate": "lowest_heart_rate",
                "average_breath": "average_breath",
                "sleep_latency": "sleep_latency"
            },
            "oura_activity": {
                "activity_score": "activity_score",
                "steps": "steps",
                "active_calories": "active_calories",
                "total_calories": "total_calories",
                "equivalent_walking_distance": "equivalent_walking_distance",
                "high_activity_time": "high_activity_time",
                "medium_activity_time": "medium_activity_time",
                "low_activity_time": "low_activity_time",
                "sedentary_time": "sedentary_time",
                "resting_time": "resting_time",
                "non_wear_time": "non_wear_time",
                "activity_is_complete": "is_complete"
            },
            "oura_readiness": {
                "readiness_score": "readiness_score",
                "temperature_deviation": "temperature_deviation",
                "hrv": "hrv",
                "resting_heart_rate": "resting_heart_rate",
                "temperature_trend_deviation": "temperature_trend_deviation"
            },
            "oura_stress": {
                "stress_high": "stress_high",
                "recovery_high": "recovery_high",
                "stress_day_summary": "day_summary"
            },
            "oura_spo2": {
                "average_spo2": "average_spo2",
                "breathing_disturbance_index": "breathing_disturbance_index"
            },
            "oura_cardiovascular_age": {
                "vascular_age": "vascular_age",
                "pulse_wave_velocity": "pulse_wave_velocity"
            },
            "oura_vo2_max": {
                "vo2_max": "vo2_max"
            },
            "oura_sleep_time": {
                "optimal_bedtime_start_local": "optimal_bedtime_start_local",
                "optimal_bedtime_end_local": "optimal_bedtime_end_local",
                "sleep_time_recommendation": "recommendation"
            },
            "oura_heart_rate_daily": {
                "min_bpm": "min_bpm",
                "max_bpm": "max_bpm",
                "mean_bpm": "mean_bpm",
                "resting_bpm": "resting_bpm",
                "zone_1_minutes": "zone_1_minutes",
                "zone_2_minutes": "zone_2_minutes",
                "zone_3_minutes": "zone_3_minutes",
                "zone_4_minutes": "zone_4_minutes",
                "zone_5_minutes": "zone_5_minutes",
                "nocturnal_dip_percent": "nocturnal_dip_percent",
                "recovery_bpm": "recovery_bpm"
            },
            "oura_resilience": {
                "resilience_level": "level"
            }
        },
        "oura_heart_rate": {
            "stg_oura__heartrate": {
                "source": "source",
                "bpm": "bpm"
            }
        },
        "oura_profile": {
            "stg_oura__personal_info": {
                "profile_id": "document_id",
                "age": "age",
                "weight": "weight",
                "height": "height",
                "biological_sex": "biological_sex",
                "email": "email"
            }
        },
        "oura_readiness": {
            "stg_oura__daily_readiness": {
                "readiness_score": "score",
                "temperature_deviation": "temperature_deviation",
                "document_id": "document_id",
                "contributor_activity_balance": "contributor_activity_balance",
                "contributor_body_temperature": "contributor_body_temperature",
                "contributor_hrv_balance": "contributor_hrv_balance",
                "contributor_previous_day_activity": "contributor_previous_day_activity",
                "contributor_previous_night": "contributor_previous_night",
                "contributor_recovery_index": "contributor_recovery_index",
                "contributor_resting_heart_rate": "contributor_resting_heart_rate",
                "contributor_sleep_balance": "contributor_sleep_balance",
                "contributor_sleep_regularity": "contributor_sleep_regularity",
                "temperature_trend_deviation": "temperature_trend_deviation"
            }
        },
        "oura_resilience": {
            "stg_oura__daily_resilience": {
                "level": "level",
                "document_id": "document_id",
                "contributor_sleep_recovery": "contributor_sleep_recovery",
                "contributor_daytime_recovery": "contributor_daytime_recovery",
                "contributor_stress": "contributor_stress"
            }
        },
        "oura_rest_mode": {
            "stg_oura__rest_mode_period": {
                "id": "document_id",
                "start_date": "start_day",
                "end_date": "end_day",
                "episodes": "episodes",
                "end_at": "end_at",
                "end_local": "end_local",
                "end_utc_offset": "end_utc_offset",
                "start_at": "start_at",
                "start_local": "start_local",
                "start_utc_offset": "start_utc_offset"
            }
        },
        "oura_ring_battery": {
            "stg_oura__ring_battery_level": {
                "level": "level",
                "charging": "charging",
                "in_charger": "in_charger"
            }
        },
        "oura_rings": {
            "stg_oura__ring_configuration": {
                "id": "document_id",
                "color": "color",
                "design": "design",
                "firmware_version": "firmware_version",
                "hardware_type": "hardware_type",
                "set_up_at": "set_up_at",
                "size": "size"
            }
        },
        "oura_sessions": {
            "stg_oura__session": {
                "id": "document_id",
                "type": "type",
                "end_at": "end_at",
                "end_local": "end_local",
                "end_utc_offset": "end_utc_offset",
                "mood": "mood",
                "start_at": "start_at",
                "start_local": "start_local",
                "start_utc_offset": "start_utc_offset"
            }
        },
        "oura_sleep": {
            "stg_oura__daily_sleep": {
                "sleep_score": "score",
                "document_id": "document_id",
                "contributor_deep_sleep": "contributor_deep_sleep",
                "contributor_efficiency": "contributor_efficiency",
                "contributor_latency": "contributor_latency",
                "contributor_rem_sleep": "contributor_rem_sleep",
                "contributor_restfulness": "contributor_restfulness",
                "contributor_timing": "contributor_timing",
                "contributor_total_sleep": "contributor_total_sleep"
            },
            "oura_sleep_periods": {
                "main_sleep": "total_sleep",
                "rem_sleep": "rem_sleep",
                "deep_sleep": "deep_sleep",
                "light_sleep": "light_sleep",
                "awake_time": "awake_time",
                "time_in_bed": "time_in_bed",
                "sleep_efficiency": "sleep_efficiency",
                "bedtime_start": "bedtime_start",
                "bedtime_start_local": "bedtime_start_local",
                "bedtime_end": "bedtime_end",
                "bedtime_end_local": "bedtime_end_local",
                "average_hrv": "average_hrv",
                "average_heart_rate": "average_heart_rate",
                "lowest_heart_rate": "lowest_heart_rate",
                "average_breath": "average_breath",
                "main_sleep_id": "id",
                "sleep_latency": "sleep_latency",
                "bedtime_end_utc_offset": "bedtime_end_utc_offset",
                "bedtime_start_utc_offset": "bedtime_start_utc_offset",
                "restless_periods": "restless_periods"
            }
        },
        "oura_sleep_periods": {
            "stg_oura__sleep": {
                "id": "document_id",
                "type": "type",
                "total_sleep": "total_sleep_duration",
                "rem_sleep": "rem_sleep_duration",
                "deep_sleep": "deep_sleep_duration",
                "light_sleep": "light_sleep_duration",
                "sleep_efficiency": "efficiency",
                "sleep_latency": "latency",
                "bedtime_start": "bedtime_start_at",
                "bedtime_end": "bedtime_end_at",
                "temperature_deviation": "readiness_temperature_deviation",
                "temperature_trend_deviation": "readiness_temperature_trend_deviation",
                "average_breath": "average_breath",
                "average_heart_rate": "average_heart_rate",
                "average_hrv": "average_hrv",
                "awake_time": "awake_time",
                "bedtime_end_local": "bedtime_end_local",
                "bedtime_end_utc_offset": "bedtime_end_utc_offset",
                "bedtime_start_local": "bedtime_start_local",
                "bedtime_start_utc_offset": "bedtime_start_utc_offset",
                "low_battery_alert": "low_battery_alert",
                "lowest_heart_rate": "lowest_heart_rate",
                "period": "period",
                "readiness_score": "readiness_score",
                "readiness_score_delta": "readiness_score_delta",
                "restless_periods": "restless_periods",
                "sleep_algorithm_version": "sleep_algorithm_version",
                "sleep_analysis_reason": "sleep_analysis_reason",
                "sleep_phase_5_min": "sleep_phase_5_min",
                "sleep_score_delta": "sleep_score_delta",
                "time_in_bed": "time_in_bed",
                "ring_id": "ring_id"
            }
        },
        "oura_sleep_time": {
            "stg_oura__sleep_time": {
                "document_id": "document_id",
                "optimal_bedtime_end_offset": "optimal_bedtime_end_offset",
                "optimal_bedtime_start_offset": "optimal_bedtime_start_offset",
                "recommendation": "recommendation",
                "status": "status"
            }
        },
        "oura_spo2": {
            "stg_oura__daily_spo2": {
                "average_spo2": "spo2_percentage_average",
                "breathing_disturbance_index": "breathing_disturbance_index",
                "document_id": "document_id"
            }
        },
        "oura_stress": {
            "stg_oura__daily_stress": {
                "day_summary": "day_summary",
                "stress_high": "stress_high",
                "recovery_high": "recovery_high",
                "document_id": "document_id"
            }
        },
        "oura_tags": {
            "stg_oura__enhanced_tag": {
                "id": "document_id",
                "tag_type_code": "tag_type_code",
                "custom_name": "custom_name",
                "comment": "comment",
                "start_at": "start_at",
                "start_local": "start_local",
                "end_at": "end_at",
                "end_local": "end_local",
                "start_utc_offset": "start_utc_offset",
                "end_utc_offset": "end_utc_offset"
            }
        },
        "oura_vo2_max": {
            "stg_oura__vo2_max": {
                "vo2_max": "vo2_max",
                "estimated_at": "recorded_at",
                "estimated_local": "recorded_local",
                "estimated_utc_offset": "recorded_utc_offset",
                "document_id": "document_id"
            }
        },
        "oura_workouts": {
            "stg_oura__workout": {
                "id": "document_id",
                "intensity": "intensity",
                "activity": "activity",
                "calories": "calories",
                "distance": "distance",
                "end_at": "end_at",
                "end_local": "end_local",
                "end_utc_offset": "end_utc_offset",
                "label": "label",
                "source": "source",
                "start_at": "start_at",
                "start_local": "start_local",
                "start_utc_offset": "start_utc_offset"
            }
        }
    }) }}
{%- endmacro %}

{#- Columns of oura_daily whose changes are revisions: collection, and whether they grow during the day. -#}
{% macro revised_columns() -%}
    {{ return({
        "sleep_score": [
            "daily_sleep",
            false
        ],
        "total_sleep": [
            "sleep",
            true
        ],
        "main_sleep": [
            "sleep",
            false
        ],
        "rem_sleep": [
            "sleep",
            false
        ],
        "deep_sleep": [
            "sleep",
            false
        ],
        "light_sleep": [
            "sleep",
            false
        ],
        "awake_time": [
            "sleep",
            false
        ],
        "time_in_bed": [
            "sleep",
            false
        ],
        "average_hrv": [
            "sleep",
            false
        ],
        "average_heart_rate": [
            "sleep",
            false
        ],
        "lowest_heart_rate": [
            "sleep",
            false
        ],
        "average_breath": [
            "sleep",
            false
        ],
        "activity_score": [
            "daily_activity",
            true
        ],
        "steps": [
            "daily_activity",
            true
        ],
        "active_calories": [
            "daily_activity",
            true
        ],
        "total_calories": [
            "daily_activity",
            true
        ],
        "equivalent_walking_distance": [
            "daily_activity",
            true
        ],
        "high_activity_time": [
            "daily_activity",
            true
        ],
        "medium_activity_time": [
            "daily_activity",
            true
        ],
        "low_activity_time": [
            "daily_activity",
            true
        ],
        "sedentary_time": [
            "daily_activity",
            true
        ],
        "resting_time": [
            "daily_activity",
            true
        ],
        "non_wear_time": [
            "daily_activity",
            true
        ],
        "readiness_score": [
            "daily_readiness",
            false
        ],
        "temperature_deviation": [
            "daily_readiness",
            false
        ],
        "stress_high": [
            "daily_stress",
            true
        ],
        "recovery_high": [
            "daily_stress",
            true
        ],
        "average_spo2": [
            "daily_spo2",
            false
        ],
        "breathing_disturbance_index": [
            "daily_spo2",
            false
        ],
        "vascular_age": [
            "daily_cardiovascular_age",
            false
        ],
        "pulse_wave_velocity": [
            "daily_cardiovascular_age",
            false
        ],
        "vo2_max": [
            "vo2_max",
            false
        ]
    }) }}
{%- endmacro %}

{#- The values that a mart's column may have, both ends included: by mart and column. -#}
{% macro value_ranges() -%}
    {{ return({
        "oura_activity": {
            "activity_score": [
                0,
                100
            ],
            "steps": [
                0,
                200000
            ],
            "total_calories": [
                0,
                20000
            ],
            "non_wear_time": [
                0,
                93600
            ]
        },
        "oura_cardiovascular_age": {
            "vascular_age": [
                15,
                110
            ]
        },
        "oura_heart_rate": {
            "bpm": [
                20,
                250
            ]
        },
        "oura_heart_rate_daily": {
            "resting_bpm": [
                20,
                250
            ]
        },
        "oura_profile": {
            "age": [
                0,
                120
            ],
            "weight": [
                20,
                400
            ],
            "height": [
                0.5,
                2.6
            ]
        },
        "oura_readiness": {
            "readiness_score": [
                0,
                100
            ],
            "temperature_deviation": [
                -10,
                10
            ],
            "hrv": [
                1,
                400
            ],
            "resting_heart_rate": [
                20,
                250
            ]
        },
        "oura_ring_battery": {
            "level": [
                0,
                100
            ]
        },
        "oura_sleep": {
            "sleep_score": [
                0,
                100
            ],
            "total_sleep": [
                0,
                93600
            ],
            "time_in_bed": [
                0,
                93600
            ],
            "sleep_efficiency": [
                0,
                100
            ],
            "average_hrv": [
                1,
                400
            ],
            "lowest_heart_rate": [
                20,
                250
            ],
            "average_breath": [
                3,
                60
            ]
        },
        "oura_sleep_periods": {
            "total_sleep": [
                0,
                93600
            ]
        },
        "oura_spo2": {
            "average_spo2": [
                50,
                100
            ]
        },
        "oura_stress": {
            "stress_high": [
                0,
                93600
            ]
        },
        "oura_vo2_max": {
            "vo2_max": [
                5,
                100
            ]
        },
        "oura_workouts": {
            "duration": [
                0,
                172800
            ]
        }
    }) }}
{%- endmacro %}
