-- Written by `make generated` from tap_oura/catalog; change it there.
with source as (

    select * from {{ raw('daily_activity') }}

)

select
    user_id,
    id as document_id,
    {{ as_day('day') }} as day,
    {{ as_integer('active_calories') }} as active_calories,
    {{ as_double('average_met_minutes') }} as average_met_minutes,
    class_5_min,
    {{ json_integer('contributors', 'meet_daily_targets') }} as contributor_meet_daily_targets,
    {{ json_integer('contributors', 'move_every_hour') }} as contributor_move_every_hour,
    {{ json_integer('contributors', 'recovery_time') }} as contributor_recovery_time,
    {{ json_integer('contributors', 'stay_active') }} as contributor_stay_active,
    {{ json_integer('contributors', 'training_frequency') }} as contributor_training_frequency,
    {{ json_integer('contributors', 'training_volume') }} as contributor_training_volume,
    {{ as_integer('equivalent_walking_distance') }} as equivalent_walking_distance,
    {{ as_integer('high_activity_met_minutes') }} as high_activity_met_minutes,
    {{ as_integer('high_activity_time') }} as high_activity_time,
    {{ as_integer('inactivity_alerts') }} as inactivity_alerts,
    {{ as_integer('low_activity_met_minutes') }} as low_activity_met_minutes,
    {{ as_integer('low_activity_time') }} as low_activity_time,
    {{ as_integer('medium_activity_met_minutes') }} as medium_activity_met_minutes,
    {{ as_integer('medium_activity_time') }} as medium_activity_time,
    met,
    {{ as_integer('meters_to_target') }} as meters_to_target,
    {{ as_integer('non_wear_time') }} as non_wear_time,
    {{ as_integer('resting_time') }} as resting_time,
    {{ as_integer('score') }} as score,
    {{ as_integer('sedentary_met_minutes') }} as sedentary_met_minutes,
    {{ as_integer('sedentary_time') }} as sedentary_time,
    {{ as_integer('steps') }} as steps,
    {{ as_integer('target_calories') }} as target_calories,
    {{ as_integer('target_meters') }} as target_meters,
    {{ instant_at('timestamp') }} as recorded_at,
    {{ instant_local('timestamp') }} as recorded_local,
    {{ instant_utc_offset('timestamp') }} as recorded_utc_offset,
    {{ as_integer('total_calories') }} as total_calories,
    {{ json_or_null('extra') }} as extra,
    _sdc_batched_at at time zone 'UTC' as loaded_at
from source
where {{ is_present('daily_activity') }}
