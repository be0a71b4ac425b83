with source as (

    select * from {{ raw('tag') }}

),

renamed as (

    select
        -- ids
        user_id,
        id as document_id,

        -- text
        text as comment,
        to_jsonb(tags) as tag_codes,

        -- dates and times
        {{ as_day('day') }} as day,
        {{ instant('timestamp', 'start') }},

        -- bookkeeping
        {{ json_or_null('extra') }} as extra,
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source
    where {{ is_present('tag') }}

)

select * from renamed
