with source as (

    select * from {{ raw('daily_activity') }}

),

renamed as (

    select
        -- ids
        user_id,
        id as document_id,

        -- score and its contributors, 0 to 100
        {{ as_integer('score') }} as activity_score,
        {{ contributors([
            'meet_daily_targets', 'move_every_hour', 'recovery_time',
            'stay_active', 'training_frequency', 'training_volume'
        ]) }},

        -- counts and energy
        {{ as_integer('steps') }} as steps,
        {{ as_integer('inactivity_alerts') }} as inactivity_alert_count,
        {{ as_integer('active_calories') }} as active_kilocalories,
        {{ as_integer('total_calories') }} as total_kilocalories,
        {{ as_integer('target_calories') }} as target_kilocalories,

        -- distances
        {{ as_integer('equivalent_walking_distance') }} as equivalent_walking_distance_meters,
        {{ as_integer('target_meters') }} as target_meters,
        {{ as_integer('meters_to_target') }} as meters_to_target,

        -- time and MET minutes by intensity
        {{ as_integer('high_activity_time') }} as high_activity_seconds,
        {{ as_integer('medium_activity_time') }} as medium_activity_seconds,
        {{ as_integer('low_activity_time') }} as low_activity_seconds,
        {{ as_integer('sedentary_time') }} as sedentary_seconds,
        {{ as_integer('resting_time') }} as resting_seconds,
        {{ as_integer('non_wear_time') }} as non_wear_seconds,
        {{ as_integer('high_activity_met_minutes') }} as high_activity_met_minutes,
        {{ as_integer('medium_activity_met_minutes') }} as medium_activity_met_minutes,
        {{ as_integer('low_activity_met_minutes') }} as low_activity_met_minutes,
        {{ as_integer('sedentary_met_minutes') }} as sedentary_met_minutes,
        {{ as_double('average_met_minutes') }} as average_met,

        -- series: one digit per five minutes, one MET value per minute
        class_5_min,
        met as met_samples,

        -- dates and times
        {{ as_day('day') }} as day,
        {{ instant('timestamp', 'day_start') }},

        -- bookkeeping
        {{ json_or_null('extra') }} as extra,
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source
    where {{ is_present('daily_activity') }}

)

select * from renamed
