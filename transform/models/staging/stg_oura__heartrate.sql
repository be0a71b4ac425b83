with source as (

    select * from {{ raw('heartrate') }}

),

renamed as (

    select
        -- ids
        user_id,
        timestamp::timestamptz as recorded_at,
        source,

        -- measures
        bpm::integer as bpm,

        -- bookkeeping
        {{ json_or_null('extra') }} as extra,
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source

)

select * from renamed
