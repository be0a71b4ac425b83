with source as (

    select * from {{ raw('personal_info') }}

),

renamed as (

    select
        -- ids
        user_id,
        id as profile_id,

        -- measures
        age::integer as age_years,
        weight::double precision as weight_kilograms,
        height::double precision as height_meters,

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
