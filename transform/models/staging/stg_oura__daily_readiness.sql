-- Written by `make generated` from tap_oura/catalog; change it there.
with source as (

    select * from {{ raw('daily_readiness') }}

)

select
    user_id,
    id as document_id,
    {{ as_day('day') }} as day,
    {{ json_integer('contributors', 'activity_balance') }} as contributor_activity_balance,
    {{ json_integer('contributors', 'body_temperature') }} as contributor_body_temperature,
    {{ json_integer('contributors', 'hrv_balance') }} as contributor_hrv_balance,
    {{ json_integer('contributors', 'previous_day_activity') }} as contributor_previous_day_activity,
    {{ json_integer('contributors', 'previous_night') }} as contributor_previous_night,
    {{ json_integer('contributors', 'recovery_index') }} as contributor_recovery_index,
    {{ json_integer('contributors', 'resting_heart_rate') }} as contributor_resting_heart_rate,
    {{ json_integer('contributors', 'sleep_balance') }} as contributor_sleep_balance,
    {{ json_integer('contributors', 'sleep_regularity') }} as contributor_sleep_regularity,
    {{ as_integer('score') }} as score,
    {{ as_double('temperature_deviation') }} as temperature_deviation,
    {{ as_double('temperature_trend_deviation') }} as temperature_trend_deviation,
    {{ instant_at('timestamp') }} as recorded_at,
    {{ instant_local('timestamp') }} as recorded_local,
    {{ instant_utc_offset('timestamp') }} as recorded_utc_offset,
    {{ json_or_null('extra') }} as extra,
    _sdc_batched_at at time zone 'UTC' as loaded_at
from source
where {{ is_present('daily_readiness') }}
