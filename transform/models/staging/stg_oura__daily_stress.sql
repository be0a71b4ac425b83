-- Written by `make generated` from tap_oura/catalog; change it there.
with source as (

    select * from {{ raw('daily_stress') }}

)

select
    user_id,
    id as document_id,
    {{ as_day('day') }} as day,
    day_summary,
    {{ as_integer('recovery_high') }} as recovery_high,
    {{ as_integer('stress_high') }} as stress_high,
    {{ json_or_null('extra') }} as extra,
    _sdc_batched_at at time zone 'UTC' as loaded_at
from source
where {{ is_present('daily_stress') }}
