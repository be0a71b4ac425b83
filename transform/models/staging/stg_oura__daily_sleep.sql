-- Written by `make generated` from tap_oura/catalog; change it there.
with source as (

    select * from {{ raw('daily_sleep') }}

)

select
    user_id,
    id as document_id,
    {{ as_day('day') }} as day,
    {{ json_integer('contributors', 'deep_sleep') }} as contributor_deep_sleep,
    {{ json_integer('contributors', 'efficiency') }} as contributor_efficiency,
    {{ json_integer('contributors', 'latency') }} as contributor_latency,
    {{ json_integer('contributors', 'rem_sleep') }} as contributor_rem_sleep,
    {{ json_integer('contributors', 'restfulness') }} as contributor_restfulness,
    {{ json_integer('contributors', 'timing') }} as contributor_timing,
    {{ json_integer('contributors', 'total_sleep') }} as contributor_total_sleep,
    {{ as_integer('score') }} as score,
    {{ instant_at('timestamp') }} as recorded_at,
    {{ instant_local('timestamp') }} as recorded_local,
    {{ instant_utc_offset('timestamp') }} as recorded_utc_offset,
    {{ json_or_null('extra') }} as extra,
    _sdc_batched_at at time zone 'UTC' as loaded_at
from source
where {{ is_present('daily_sleep') }}
