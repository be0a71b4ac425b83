with source as (

    select * from {{ raw('session') }}

),

renamed as (

    select
        -- ids
        user_id,
        id as document_id,

        -- text
        type as session_type,
        mood,

        -- series: {interval in seconds, items, timestamp of the first item}
        heart_rate as heart_rate_samples,
        heart_rate_variability as hrv_samples,
        motion_count as motion_samples,

        -- dates and times
        {{ as_day('day') }} as day,
        {{ instant('start_datetime', 'start') }},
        {{ instant('end_datetime', 'end') }},

        -- bookkeeping
        {{ json_or_null('extra') }} as extra,
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source
    where {{ is_present('session') }}

)

select * from renamed
