with latest as (

    {{ latest_per_day(ref('stg_oura__sleep_time')) }}

)

select
    user_id,
    day as date,
    status,
    recommendation,
    day + make_interval(secs => optimal_bedtime_start_seconds) as optimal_bedtime_start_local,
    day + make_interval(secs => optimal_bedtime_end_seconds) as optimal_bedtime_end_local,
    optimal_bedtime_start_seconds as optimal_bedtime_start_offset,
    optimal_bedtime_end_seconds as optimal_bedtime_end_offset,
    make_interval(secs => utc_offset_seconds) as utc_offset,
    document_id
from latest
