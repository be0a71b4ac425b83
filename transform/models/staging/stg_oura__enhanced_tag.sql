-- Written by `make generated` from tap_oura/catalog; change it there.
with source as (

    select * from {{ raw('enhanced_tag') }}

)

select
    user_id,
    id as document_id,
    {{ as_day('start_day') }} as start_day,
    tag_type_code,
    {{ instant_at('start_time') }} as start_at,
    {{ instant_local('start_time') }} as start_local,
    {{ instant_utc_offset('start_time') }} as start_utc_offset,
    {{ instant_at('end_time') }} as end_at,
    {{ instant_local('end_time') }} as end_local,
    {{ instant_utc_offset('end_time') }} as end_utc_offset,
    {{ as_day('end_day') }} as end_day,
    comment,
    custom_name,
    {{ json_or_null('extra') }} as extra,
    _sdc_batched_at at time zone 'UTC' as loaded_at
from source
where {{ is_present('enhanced_tag') }}
