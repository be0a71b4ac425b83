{#-
    The scores and totals whose changes are told, by the collection that they come from. A value that grows while its day
    is in progress counts from the end of the day on; `growing` says which ones.
-#}
{% macro revised_measures(growing=none) -%}
    {%- set grow_all_day = {
        'daily_activity': [
            'activity_score', 'steps', 'active_calories', 'total_calories', 'equivalent_walking_distance',
            'high_activity_time', 'medium_activity_time', 'low_activity_time', 'sedentary_time', 'resting_time',
            'non_wear_time'
        ],
        'daily_stress': ['stress_high', 'recovery_high'],
        'sleep': ['total_sleep'],
    } -%}
    {%- set stand_at_once = {
        'daily_cardiovascular_age': ['vascular_age', 'pulse_wave_velocity'],
        'daily_readiness': ['readiness_score', 'temperature_deviation'],
        'daily_sleep': ['sleep_score'],
        'daily_spo2': ['average_spo2', 'breathing_disturbance_index'],
        'sleep': [
            'main_sleep', 'rem_sleep', 'deep_sleep', 'light_sleep', 'awake_time', 'time_in_bed', 'average_hrv',
            'average_heart_rate', 'lowest_heart_rate', 'average_breath'
        ],
        'vo2_max': ['vo2_max'],
    } -%}
    {%- set measures = [] -%}
    {%- for is_growing, collections in [(true, grow_all_day), (false, stand_at_once)] if growing in (none, is_growing) -%}
        {%- for collection, names in collections.items() -%}
            {%- for name in names -%}{%- do measures.append((collection, name)) -%}{%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(measures) }}
{%- endmacro %}
