with source as (

    select * from {{ raw('daily_spo2') }}

),

renamed as (

    select
        -- ids
        user_id,
        id as document_id,

        -- measures
        {{ json_double('spo2_percentage', 'average') }} as average_spo2_percent,
        {{ as_integer('breathing_disturbance_index') }} as breathing_disturbance_index,

        -- dates and times
        {{ as_day('day') }} as day,

        -- bookkeeping
        {{ json_or_null('extra') }} as extra,
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source
    where {{ is_present('daily_spo2') }}

)

select * from renamed
