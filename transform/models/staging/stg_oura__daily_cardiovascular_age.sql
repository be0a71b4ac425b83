with source as (

    select * from {{ raw('daily_cardiovascular_age') }}

),

renamed as (

    select
        -- ids
        user_id,
        id as document_id,

        -- measures
        {{ as_integer('vascular_age') }} as vascular_age_years,
        {{ as_double('pulse_wave_velocity') }} as pulse_wave_velocity_meters_per_second,

        -- dates and times
        {{ as_day('day') }} as day,

        -- bookkeeping
        {{ json_or_null('extra') }} as extra,
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source
    where {{ is_present('daily_cardiovascular_age') }}

)

select * from renamed
