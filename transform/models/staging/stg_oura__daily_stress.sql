with source as (

    select * from {{ raw('daily_stress') }}

),

renamed as (

    select
        -- ids
        user_id,
        id as document_id,

        -- measures
        day_summary,
        {{ as_integer('stress_high') }} as stress_high_seconds,
        {{ as_integer('recovery_high') }} as recovery_high_seconds,

        -- dates and times
        {{ as_day('day') }} as day,

        -- bookkeeping
        {{ json_or_null('extra') }} as extra,
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source
    where {{ is_present('daily_stress') }}

)

select * from renamed
