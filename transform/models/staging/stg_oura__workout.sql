with source as (

    select * from {{ raw('workout') }}

),

renamed as (

    select
        -- ids
        user_id,
        id as document_id,

        -- text
        activity,
        intensity,
        label,
        source as workout_source,

        -- measures
        {{ as_double('calories') }} as kilocalories,
        {{ as_double('distance') }} as distance_meters,

        -- dates and times
        {{ as_day('day') }} as day,
        {{ instant('start_datetime', 'start') }},
        {{ instant('end_datetime', 'end') }},

        -- bookkeeping
        {{ json_or_null('extra') }} as extra,
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source
    where {{ is_present('workout') }}

)

select * from renamed
