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

-- The tap sends the end of a failure that its state remembers. A backfill has no state, and a state may get lost.
select
    renamed.user_id,
    renamed.collection,
    renamed.reason,
    renamed.message,
    renamed.collections,
    renamed.start_date,
    renamed.end_date,
    renamed.failed_at,
    coalesce(renamed.recovered_at, read_since.recovered_at) as recovered_at,
    renamed.loaded_at
from renamed
left join lateral (
    select max(read_days.read_at) as recovered_at
    from {{ ref('int_oura__collection_days') }} as read_days
    where
        read_days.user_id = renamed.user_id
        and read_days.collection = renamed.collection
        and read_days.day between renamed.start_date and renamed.end_date
        and read_days.read_at > renamed.failed_at
    having count(*) > renamed.end_date - renamed.start_date
) as read_since on renamed.recovered_at is null
