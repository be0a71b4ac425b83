with source as (

    select * from {{ raw('daily_sleep') }}

),

renamed as (

    select
        -- ids
        user_id,
        id as document_id,

        -- score and its contributors, 0 to 100
        {{ as_integer('score') }} as sleep_score,
        {{ contributors([
            'deep_sleep', 'efficiency', 'latency', 'rem_sleep',
            'restfulness', 'timing', 'total_sleep'
        ]) }},

        -- dates and times
        {{ as_day('day') }} as day,
        {{ instant('timestamp', 'day_marker') }},

        -- bookkeeping
        {{ json_or_null('extra') }} as extra,
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source
    where {{ is_present('daily_sleep') }}

)

select * from renamed
