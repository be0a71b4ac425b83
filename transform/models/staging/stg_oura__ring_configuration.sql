-- Written by `make generated` from tap_oura/catalog; change it there.
with source as (

    select * from {{ raw('ring_configuration') }}

)

select
    user_id,
    id as document_id,
    color,
    design,
    firmware_version,
    hardware_type,
    {{ instant_at('set_up_at') }} as set_up_at,
    {{ instant_local('set_up_at') }} as set_up_local,
    {{ instant_utc_offset('set_up_at') }} as set_up_utc_offset,
    {{ as_integer('size') }} as size,
    {{ json_or_null('extra') }} as extra,
    _sdc_batched_at at time zone 'UTC' as loaded_at
from source
where {{ is_present('ring_configuration') }}
