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
        day,
        read_at at time zone 'UTC' as read_at,
        rewritten_at at time zone 'UTC' as rewritten_at,

        -- bookkeeping
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source

)

select * from renamed
