with source as (

    select * from {{ raw('collection_failures') }}

),

renamed as (

    select
        -- ids
        user_id,
        collection,

        -- text
        reason,
        message,
        collections,

        -- dates and times
        {{ as_day('start_date') }} as start_date,
        {{ as_day('end_date') }} as end_date,
        {{ instant_at('failed_at') }} as failed_at,
        {{ instant_at('recovered_at') }} as recovered_at,

        -- bookkeeping
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source
    where user_id is not null and collection is not null

)

select * from renamed
