with source as (

    select * from {{ raw('heartrate') }}

),

renamed as (

    select
        -- ids
        user_id,
        {{ instant_at('timestamp') }} as recorded_at,
        source,

        -- measures
        {{ as_integer('bpm') }} as bpm,

        -- bookkeeping
        {{ json_or_null('extra') }} as extra,
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source
    where {{ is_current_sample('heartrate') }}

)

select * from renamed
