-- Written by `make generated` from tap_oura/catalog; change it there.
with source as (

    select * from {{ raw('ring_battery_level') }}

)

select
    user_id,
    {{ instant_at('timestamp') }} as recorded_at,
    {{ as_bigint('timestamp_unix') }} as timestamp_unix,
    charging,
    in_charger,
    {{ as_integer('level') }} as level,
    {{ json_or_null('extra') }} as extra,
    _sdc_batched_at at time zone 'UTC' as loaded_at
from source
where {{ is_present('ring_battery_level') }}
