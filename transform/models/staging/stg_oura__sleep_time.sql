-- Written by `make generated` from tap_oura/catalog; change it there.
with source as (

    select * from {{ raw('sleep_time') }}

)

select
    user_id,
    id as document_id,
    {{ as_day('day') }} as day,
    {{ json_integer('optimal_bedtime', 'day_tz') }} as optimal_bedtime_day_tz,
    {{ json_integer('optimal_bedtime', 'end_offset') }} as optimal_bedtime_end_offset,
    {{ json_integer('optimal_bedtime', 'start_offset') }} as optimal_bedtime_start_offset,
    recommendation,
    status,
    {{ json_or_null('extra') }} as extra,
    _sdc_batched_at at time zone 'UTC' as loaded_at
from source
where {{ is_present('sleep_time') }}
