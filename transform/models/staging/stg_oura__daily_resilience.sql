with source as (

    select * from {{ raw('daily_resilience') }}

),

renamed as (

    select
        -- ids
        user_id,
        id as document_id,

        -- level and its contributors, 0 to 100
        level as resilience_level,
        {{ contributors(['sleep_recovery', 'daytime_recovery', 'stress'], json_double) }},

        -- dates and times
        {{ as_day('day') }} as day,

        -- bookkeeping
        {{ json_or_null('extra') }} as extra,
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source
    where {{ is_present('daily_resilience') }}

)

select * from renamed
