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
        {{ json_integer('optimal_bedtime', 'start_offset') }} as optimal_bedtime_start_seconds,
        {{ json_integer('optimal_bedtime', 'end_offset') }} as optimal_bedtime_end_seconds,
        {{ json_integer('optimal_bedtime', 'day_tz') }} as utc_offset_seconds,

        -- dates and times
        {{ as_day('day') }} as day,

        -- bookkeeping
        {{ json_or_null('extra') }} as extra,
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source
    where {{ is_present('sleep_time') }}

)

select * from renamed
