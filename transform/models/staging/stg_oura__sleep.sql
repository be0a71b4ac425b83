-- Written by `make generated` from tap_oura/catalog; change it there.
with source as (

    select * from {{ raw('sleep') }}

)

select
    user_id,
    id as document_id,
    {{ as_day('day') }} as day,
    {{ as_double('average_breath') }} as average_breath,
    {{ as_double('average_heart_rate') }} as average_heart_rate,
    {{ as_integer('average_hrv') }} as average_hrv,
    {{ as_integer('awake_time') }} as awake_time,
    {{ instant_at('bedtime_end') }} as bedtime_end_at,
    {{ instant_local('bedtime_end') }} as bedtime_end_local,
    {{ instant_utc_offset('bedtime_end') }} as bedtime_end_utc_offset,
    {{ instant_at('bedtime_start') }} as bedtime_start_at,
    {{ instant_local('bedtime_start') }} as bedtime_start_local,
    {{ instant_utc_offset('bedtime_start') }} as bedtime_start_utc_offset,
    {{ as_integer('deep_sleep_duration') }} as deep_sleep_duration,
    {{ as_integer('efficiency') }} as efficiency,
    heart_rate,
    hrv,
    {{ as_integer('latency') }} as latency,
    {{ as_integer('light_sleep_duration') }} as light_sleep_duration,
    low_battery_alert,
    {{ as_integer('lowest_heart_rate') }} as lowest_heart_rate,
    movement_30_sec,
    {{ as_integer('period') }} as period,
    readiness -> 'contributors' as readiness_contributors,
    {{ json_integer('readiness', 'score') }} as readiness_score,
    {{ json_double('readiness', 'temperature_deviation') }} as readiness_temperature_deviation,
    {{ json_double('readiness', 'temperature_trend_deviation') }} as readiness_temperature_trend_deviation,
    {{ as_integer('readiness_score_delta') }} as readiness_score_delta,
    {{ as_integer('rem_sleep_duration') }} as rem_sleep_duration,
    {{ as_integer('restless_periods') }} as restless_periods,
    sleep_algorithm_version,
    sleep_analysis_reason,
    sleep_phase_30_sec,
    sleep_phase_5_min,
    {{ as_integer('sleep_score_delta') }} as sleep_score_delta,
    {{ as_integer('time_in_bed') }} as time_in_bed,
    {{ as_integer('total_sleep_duration') }} as total_sleep_duration,
    type,
    ring_id,
    app_sleep_phase_5_min,
    {{ json_or_null('extra') }} as extra,
    _sdc_batched_at at time zone 'UTC' as loaded_at
from source
where {{ is_present('sleep') }}
