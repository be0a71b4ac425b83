with source as (

    select * from {{ raw('rest_mode_period') }}

),

renamed as (

    select
        -- ids
        user_id,
        id as document_id,

        -- episodes: a list of {timestamp, tags}
        to_jsonb(episodes) as episodes,

        -- dates and times
        {{ as_day('start_day') }} as start_day,
        {{ as_day('end_day') }} as end_day,
        {{ instant('start_time', 'start') }},
        {{ instant('end_time', 'end') }},

        -- bookkeeping
        {{ json_or_null('extra') }} as extra,
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source
    where {{ is_present('rest_mode_period') }}

)

select * from renamed
