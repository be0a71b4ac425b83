with source as (

    select * from {{ raw('daily_readiness') }}

),

renamed as (

    select
        -- ids
        user_id,
        id as document_id,

        -- score and its contributors, 0 to 100
        {{ as_integer('score') }} as readiness_score,
        {{ contributors([
            'activity_balance', 'body_temperature', 'hrv_balance', 'previous_day_activity', 'previous_night',
            'recovery_index', 'resting_heart_rate', 'sleep_balance', 'sleep_regularity'
        ]) }},

        -- measures
        {{ as_double('temperature_deviation') }} as temperature_deviation_celsius,
        {{ as_double('temperature_trend_deviation') }} as temperature_trend_deviation_celsius,

        -- dates and times
        {{ as_day('day') }} as day,
        {{ instant('timestamp', 'day_marker') }},

        -- bookkeeping
        {{ json_or_null('extra') }} as extra,
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source
    where {{ is_present('daily_readiness') }}

)

select * from renamed
