with source as (

    select * from {{ raw('ring_battery_level') }}

),

renamed as (

    select
        -- ids
        user_id,
        {{ instant_at('timestamp') }} as recorded_at,

        -- measures
        {{ as_integer('level') }} as level,

        -- booleans
        charging,
        in_charger,

        -- bookkeeping
        {{ json_or_null('extra') }} as extra,
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source
    where {{ is_current_sample('ring_battery_level') }}

)

select * from renamed
