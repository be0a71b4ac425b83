-- Written by `make generated` from tap_oura/catalog; change it there.
with source as (

    select * from {{ raw('daily_resilience') }}

)

select
    user_id,
    id as document_id,
    {{ as_day('day') }} as day,
    {{ json_double('contributors', 'sleep_recovery') }} as contributor_sleep_recovery,
    {{ json_double('contributors', 'daytime_recovery') }} as contributor_daytime_recovery,
    {{ json_double('contributors', 'stress') }} as contributor_stress,
    level,
    {{ json_or_null('extra') }} as extra,
    _sdc_batched_at at time zone 'UTC' as loaded_at
from source
where {{ is_present('daily_resilience') }}
