with source as (

    select * from {{ raw('ring_configuration') }}

),

renamed as (

    select
        -- ids
        user_id,
        id as ring_id,

        -- text
        color,
        design,
        firmware_version,
        hardware_type,

        -- measures
        {{ as_integer('size') }} as us_ring_size,

        -- dates and times
        {{ instant_at('set_up_at') }} as set_up_at,

        -- bookkeeping
        {{ json_or_null('extra') }} as extra,
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source
    where {{ is_present('ring_configuration') }}

)

select * from renamed
