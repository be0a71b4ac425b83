with source as (

    select * from {{ raw('collection_days') }}

),

renamed as (

    select
        -- ids
        user_id,
        collection,
        {{ json_or_null('to_jsonb(document_ids)') }} as document_ids,

        -- measures
        count as document_count,
        digest,

        -- dates and times
        {{ as_day('day') }} as day,
        {{ as_moment('read_at') }} as read_at,
        {{ as_moment('rewritten_at') }} as rewritten_at,

        -- bookkeeping
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source
    -- A day that cannot be one would pass for the entry of a collection without days.
    where user_id is not null and collection is not null and (day is null or {{ as_day('day') }} is not null)

)

select * from renamed
