with source as (

    select * from {{ raw('vo2_max') }}

),

renamed as (

    select
        -- ids
        user_id,
        id as document_id,

        -- measures
        {{ as_double('vo2_max') }} as vo2_max_ml_per_kg_minute,

        -- dates and times
        {{ as_day('day') }} as day,
        {{ instant('timestamp', 'estimated') }},

        -- bookkeeping
        {{ json_or_null('extra') }} as extra,
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source
    where {{ is_present('vo2_max') }}

)

select * from renamed
