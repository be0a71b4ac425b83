with source as (

    select * from {{ raw('sleep') }}

),

renamed as (

    select
        -- ids
        user_id,
        id as document_id,
        ring_id,
        {{ as_integer('period') }} as period_number,

        -- text
        type as sleep_type,
        sleep_algorithm_version,
        sleep_analysis_reason,

        -- durations
        {{ as_integer('total_sleep_duration') }} as total_sleep_seconds,
        {{ as_integer('rem_sleep_duration') }} as rem_sleep_seconds,
        {{ as_integer('deep_sleep_duration') }} as deep_sleep_seconds,
        {{ as_integer('light_sleep_duration') }} as light_sleep_seconds,
        {{ as_integer('awake_time') }} as awake_seconds,
        {{ as_integer('time_in_bed') }} as time_in_bed_seconds,
        {{ as_integer('latency') }} as latency_seconds,

        -- measures
        {{ as_integer('efficiency') }} as efficiency_percent,
        {{ as_integer('restless_periods') }} as restless_period_count,
        {{ as_double('average_breath') }} as average_breaths_per_minute,
        {{ as_double('average_heart_rate') }} as average_heart_rate_bpm,
        {{ as_integer('lowest_heart_rate') }} as lowest_heart_rate_bpm,
        {{ as_integer('average_hrv') }} as average_hrv_rmssd_ms,

        -- what this period brought to the day's scores
        {{ as_integer('sleep_score_delta') }} as sleep_score_delta,
        {{ as_integer('readiness_score_delta') }} as readiness_score_delta,
        {{ json_integer('readiness', 'score') }} as readiness_score,
        {{ json_double('readiness', 'temperature_deviation') }} as temperature_deviation_celsius,
        {{ json_double('readiness', 'temperature_trend_deviation') }} as temperature_trend_deviation_celsius,
        readiness -> 'contributors' as readiness_contributors,

        -- booleans
        low_battery_alert as is_low_battery,

        -- series: a digit per slot, or {interval in seconds, items, timestamp of the first item}
        sleep_phase_5_min,
        sleep_phase_30_sec,
        app_sleep_phase_5_min,
        movement_30_sec,
        heart_rate as heart_rate_samples,
        hrv as hrv_samples,

        -- dates and times
        {{ as_day('day') }} as day,
        {{ instant('bedtime_start') }},
        {{ instant('bedtime_end') }},

        -- bookkeeping
        {{ json_or_null('extra') }} as extra,
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source
    where {{ is_present('sleep') }}

)

select * from renamed
