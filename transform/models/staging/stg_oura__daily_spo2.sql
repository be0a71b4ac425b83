with source as (

    select * from {{ raw('daily_spo2') }}

),

renamed as (

    select
        -- ids
        user_id,
        id as document_id,

        -- measures
        (spo2_percentage ->> 'average')::double precision as average_spo2_percent,
        breathing_disturbance_index::integer as breathing_disturbance_index,

        -- dates and times
        day,

        -- bookkeeping
        {{ json_or_null('extra') }} as extra,
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source
    where {{ is_present('daily_spo2') }}

)

select * from renamed
