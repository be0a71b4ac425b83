-- Written by `make generated` from tap_oura/catalog; change it there.
with source as (

    select * from {{ raw('tag') }}

)

select
    user_id,
    id as document_id,
    {{ as_day('day') }} as day,
    text,
    {{ instant_at('timestamp') }} as recorded_at,
    {{ instant_local('timestamp') }} as recorded_local,
    {{ instant_utc_offset('timestamp') }} as recorded_utc_offset,
    to_jsonb(tags) as tags,
    {{ json_or_null('extra') }} as extra,
    _sdc_batched_at at time zone 'UTC' as loaded_at
from source
where {{ is_present('tag') }}
