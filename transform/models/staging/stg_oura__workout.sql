-- Written by `make generated` from tap_oura/catalog; change it there.
with source as (

    select * from {{ raw('workout') }}

)

select
    user_id,
    id as document_id,
    {{ as_day('day') }} as day,
    activity,
    {{ as_double('calories') }} as calories,
    {{ as_double('distance') }} as distance,
    {{ instant_at('end_datetime') }} as end_at,
    {{ instant_local('end_datetime') }} as end_local,
    {{ instant_utc_offset('end_datetime') }} as end_utc_offset,
    intensity,
    label,
    source,
    {{ instant_at('start_datetime') }} as start_at,
    {{ instant_local('start_datetime') }} as start_local,
    {{ instant_utc_offset('start_datetime') }} as start_utc_offset,
    {{ json_or_null('extra') }} as extra,
    _sdc_batched_at at time zone 'UTC' as loaded_at
from source
where {{ is_present('workout') }}
