with source as (

    select * from {{ raw('personal_info') }}

),

renamed as (

    select
        -- ids
        user_id,
        id as profile_id,

        -- measures
        {{ as_integer('age') }} as age_years,
        {{ as_double('weight') }} as weight_kilograms,
        {{ as_double('height') }} as height_meters,

        -- text
        biological_sex,
        email,

        -- bookkeeping
        {{ json_or_null('extra') }} as extra,
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source
    where {{ is_present('personal_info') }}

)

select * from renamed
