with latest as (

    {{ latest_per_day('sleep_time', ['optimal_bedtime_start_offset', 'status']) }}

),

days as (

    select
        *,
        case when {{ is_plausible('day') }} then day::timestamp end as midnight
    from latest

)

select
    user_id,
    day as date,
    midnight + make_interval(secs => optimal_bedtime_start_offset) as optimal_bedtime_start_local,
    midnight + make_interval(secs => optimal_bedtime_end_offset) as optimal_bedtime_end_local,
    make_interval(secs => optimal_bedtime_day_tz) as utc_offset,
    {{ taken('oura_sleep_time', 'stg_oura__sleep_time') }}
from days
