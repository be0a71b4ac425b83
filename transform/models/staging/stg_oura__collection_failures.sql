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

        -- dates and times
        start_date,
        end_date,
        {{ instant_at('failed_at') }} as failed_at,
        {{ instant_at('recovered_at') }} as recovered_at,

        -- bookkeeping
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source

)

select * from renamed
