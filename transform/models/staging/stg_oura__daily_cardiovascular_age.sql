-- Written by `make generated` from tap_oura/catalog; change it there.
with source as (

    select * from {{ raw('daily_cardiovascular_age') }}

)

select
    user_id,
    id as document_id,
    {{ as_day('day') }} as day,
    {{ as_double('pulse_wave_velocity') }} as pulse_wave_velocity,
    {{ as_integer('vascular_age') }} as vascular_age,
    {{ json_or_null('extra') }} as extra,
    _sdc_batched_at at time zone 'UTC' as loaded_at
from source
where {{ is_present('daily_cardiovascular_age') }}
