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
        stress_high::integer as stress_high_seconds,
        recovery_high::integer as recovery_high_seconds,

        -- dates and times
        day,

        -- bookkeeping
        {{ json_or_null('extra') }} as extra,
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source
    where {{ is_present('daily_stress') }}

)

select * from renamed
