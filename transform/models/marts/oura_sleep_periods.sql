with periods as (

    select
        *,
        -- An unfinished night has no end yet; its time in bed tells how far it reaches.
        coalesce(
            bedtime_end_at,
            bedtime_start_at + make_interval(secs => coalesce(time_in_bed_seconds, 0))
        ) as reaches_to,
        coalesce(sleep_type in ('long_sleep', 'sleep', 'late_nap'), false) as is_counted_type
    from {{ ref('stg_oura__sleep') }}

),

-- Oura re-creates a night under a new id now and then. Of two counted periods of a day that share more than half of the
-- shorter one, only one may count: the one received last, else the longer one.
superseded as (

    select distinct
        periods.user_id,
        periods.document_id
    from periods
    inner join periods as others
        on
            periods.user_id = others.user_id
            and periods.day = others.day
            and periods.document_id <> others.document_id
            and periods.bedtime_start_at < others.reaches_to
            and periods.reaches_to > others.bedtime_start_at
    where
        periods.is_counted_type
        and others.is_counted_type
        and least(periods.reaches_to, others.reaches_to) - greatest(periods.bedtime_start_at, others.bedtime_start_at)
        > least(periods.reaches_to - periods.bedtime_start_at, others.reaches_to - others.bedtime_start_at) / 2
        and (periods.loaded_at, coalesce(periods.total_sleep_seconds, -1), periods.document_id)
        < (others.loaded_at, coalesce(others.total_sleep_seconds, -1), others.document_id)

),

counted as (

    select
        periods.*,
        superseded.document_id is not null as is_superseded,
        periods.is_counted_type and superseded.document_id is null as counts_toward_day
    from periods
    left join superseded
        on periods.user_id = superseded.user_id and periods.document_id = superseded.document_id

),

ranked as (

    select
        *,
        row_number() over (
            partition by user_id, day, counts_toward_day and sleep_type = 'long_sleep'
            order by total_sleep_seconds desc nulls last, bedtime_start_at asc, document_id asc
        ) as position_in_day
    from counted

)

select
    user_id,
    document_id as id,
    day as date,
    sleep_type as type,
    counts_toward_day and sleep_type = 'long_sleep' and position_in_day = 1 as is_main_sleep,
    counts_toward_day,
    is_superseded,
    total_sleep_seconds as total_sleep,
    rem_sleep_seconds as rem_sleep,
    deep_sleep_seconds as deep_sleep,
    light_sleep_seconds as light_sleep,
    awake_seconds as awake_time,
    time_in_bed_seconds as time_in_bed,
    efficiency_percent as sleep_efficiency,
    latency_seconds as sleep_latency,
    restless_period_count as restless_periods,
    bedtime_start_at as bedtime_start,
    bedtime_end_at as bedtime_end,
    bedtime_start_local,
    bedtime_end_local,
    bedtime_start_utc_offset,
    bedtime_end_utc_offset,
    average_hrv_rmssd_ms as average_hrv,
    average_heart_rate_bpm as average_heart_rate,
    lowest_heart_rate_bpm as lowest_heart_rate,
    average_breaths_per_minute as average_breath,
    sleep_score_delta,
    readiness_score_delta,
    readiness_score,
    temperature_deviation_celsius as temperature_deviation,
    temperature_trend_deviation_celsius as temperature_trend_deviation,
    sleep_phase_5_min,
    is_low_battery as low_battery_alert,
    sleep_algorithm_version,
    sleep_analysis_reason,
    period_number as period,
    ring_id
from ranked
