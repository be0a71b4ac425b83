-- Written by `make generated` from tap_oura/catalog; change it there.
with source as (

    select * from {{ raw('daily_spo2') }}

)

select
    user_id,
    id as document_id,
    {{ as_day('day') }} as day,
    {{ as_integer('breathing_disturbance_index') }} as breathing_disturbance_index,
    {{ json_double('spo2_percentage', 'average') }} as spo2_percentage_average,
    {{ json_or_null('extra') }} as extra,
    _sdc_batched_at at time zone 'UTC' as loaded_at
from source
where {{ is_present('daily_spo2') }}
