with latest as (

    {{ latest_per_day('sleep_time', ['optimal_bedtime_start_seconds', 'status']) }}

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
    status,
    recommendation,
    midnight + make_interval(secs => optimal_bedtime_start_seconds) as optimal_bedtime_start_local,
    midnight + make_interval(secs => optimal_bedtime_end_seconds) as optimal_bedtime_end_local,
    optimal_bedtime_start_seconds as optimal_bedtime_start_offset,
    optimal_bedtime_end_seconds as optimal_bedtime_end_offset,
    make_interval(secs => utc_offset_seconds) as utc_offset,
    document_id
from days
