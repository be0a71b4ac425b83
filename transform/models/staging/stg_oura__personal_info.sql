-- Written by `make generated` from tap_oura/catalog; change it there.
with source as (

    select * from {{ raw('personal_info') }}

)

select
    user_id,
    id as document_id,
    {{ as_integer('age') }} as age,
    {{ as_double('weight') }} as weight,
    {{ as_double('height') }} as height,
    biological_sex,
    email,
    {{ json_or_null('extra') }} as extra,
    _sdc_batched_at at time zone 'UTC' as loaded_at
from source
where {{ is_present('personal_info') }}
