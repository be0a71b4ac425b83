-- Written by `make generated` from tap_oura/catalog; change it there.
with source as (

    select * from {{ raw('heartrate') }}

)

select
    user_id,
    {{ instant_at('timestamp') }} as recorded_at,
    source,
    {{ as_bigint('timestamp_unix') }} as timestamp_unix,
    {{ as_integer('bpm') }} as bpm,
    {{ json_or_null('extra') }} as extra,
    _sdc_batched_at at time zone 'UTC' as loaded_at
from source
where {{ is_present('heartrate') }}
