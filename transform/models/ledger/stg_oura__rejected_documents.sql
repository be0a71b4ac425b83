with source as (

    select * from {{ raw('rejected_documents') }}

),

renamed as (

    select
        -- ids
        user_id,
        collection,
        document_id,

        -- text
        reason,

        -- what Oura sent
        {{ json_or_null('document') }} as document,

        -- dates and times
        {{ as_moment('rejected_at') }} as rejected_at,

        -- bookkeeping
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source

)

select * from renamed
