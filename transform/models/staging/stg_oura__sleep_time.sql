with source as (

    select * from {{ raw('sleep_time') }}

),

renamed as (

    select
        -- ids
        user_id,
        id as document_id,

        -- text
        recommendation,
        status,

        -- optimal bedtime, counted from the day's local midnight; negative before it
        (optimal_bedtime ->> 'start_offset')::integer as optimal_bedtime_start_seconds,
        (optimal_bedtime ->> 'end_offset')::integer as optimal_bedtime_end_seconds,
        (optimal_bedtime ->> 'day_tz')::integer as utc_offset_seconds,

        -- dates and times
        day,

        -- bookkeeping
        {{ json_or_null('extra') }} as extra,
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source
    where {{ is_present('sleep_time') }}

)

select * from renamed
