-- Written by `make generated` from tap_oura/catalog; change it there.
with source as (

    select * from {{ raw('rest_mode_period') }}

)

select
    user_id,
    id as document_id,
    {{ as_day('start_day') }} as start_day,
    {{ as_day('end_day') }} as end_day,
    {{ instant_at('end_time') }} as end_at,
    {{ instant_local('end_time') }} as end_local,
    {{ instant_utc_offset('end_time') }} as end_utc_offset,
    to_jsonb(episodes) as episodes,
    {{ instant_at('start_time') }} as start_at,
    {{ instant_local('start_time') }} as start_local,
    {{ instant_utc_offset('start_time') }} as start_utc_offset,
    {{ json_or_null('extra') }} as extra,
    _sdc_batched_at at time zone 'UTC' as loaded_at
from source
where {{ is_present('rest_mode_period') }}
