with source as (

    select * from {{ raw('sleep') }}

),

renamed as (

    select
        -- ids
        user_id,
        id as document_id,
        ring_id,
        period::integer as period_number,

        -- text
        type as sleep_type,
        sleep_algorithm_version,
        sleep_analysis_reason,

        -- durations
        total_sleep_duration::integer as total_sleep_seconds,
        rem_sleep_duration::integer as rem_sleep_seconds,
        deep_sleep_duration::integer as deep_sleep_seconds,
        light_sleep_duration::integer as light_sleep_seconds,
        awake_time::integer as awake_seconds,
        time_in_bed::integer as time_in_bed_seconds,
        latency::integer as latency_seconds,

        -- measures
        efficiency::integer as efficiency_percent,
        restless_periods::integer as restless_period_count,
        average_breath::double precision as average_breaths_per_minute,
        average_heart_rate::double precision as average_heart_rate_bpm,
        lowest_heart_rate::integer as lowest_heart_rate_bpm,
        average_hrv::integer as average_hrv_rmssd_ms,

        -- what this period brought to the day's scores
        sleep_score_delta::integer as sleep_score_delta,
        readiness_score_delta::integer as readiness_score_delta,
        (readiness ->> 'score')::integer as readiness_score,
        (readiness ->> 'temperature_deviation')::double precision as temperature_deviation_celsius,
        (readiness ->> 'temperature_trend_deviation')::double precision as temperature_trend_deviation_celsius,
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
        day,
        {{ instant('bedtime_start') }},
        {{ instant('bedtime_end') }},

        -- bookkeeping
        {{ json_or_null('extra') }} as extra,
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source
    where {{ is_present('sleep') }}

)

select * from renamed
