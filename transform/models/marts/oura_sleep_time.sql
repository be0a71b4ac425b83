with latest as (

    {{ latest_per_day('sleep_time', ['optimal_bedtime_start_seconds', 'status']) }}

)

select
    user_id,
    day as date,
    status,
    recommendation,
    case when {{ is_plausible('day') }} then day + make_interval(secs => optimal_bedtime_start_seconds) end as optimal_bedtime_start_local,
    case when {{ is_plausible('day') }} then day + make_interval(secs => optimal_bedtime_end_seconds) end as optimal_bedtime_end_local,
    optimal_bedtime_start_seconds as optimal_bedtime_start_offset,
    optimal_bedtime_end_seconds as optimal_bedtime_end_offset,
    make_interval(secs => utc_offset_seconds) as utc_offset,
    document_id
from latest
