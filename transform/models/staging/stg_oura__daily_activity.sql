with source as (

    select * from {{ raw('daily_activity') }}

),

renamed as (

    select
        -- ids
        user_id,
        id as document_id,

        -- score and its contributors, 0 to 100
        score::integer as activity_score,
        {{ contributors([
            'meet_daily_targets', 'move_every_hour', 'recovery_time',
            'stay_active', 'training_frequency', 'training_volume'
        ]) }},

        -- counts and energy
        steps::integer as steps,
        inactivity_alerts::integer as inactivity_alert_count,
        active_calories::integer as active_kilocalories,
        total_calories::integer as total_kilocalories,
        target_calories::integer as target_kilocalories,

        -- distances
        equivalent_walking_distance::integer as equivalent_walking_distance_meters,
        target_meters::integer as target_meters,
        meters_to_target::integer as meters_to_target,

        -- time and MET minutes by intensity
        high_activity_time::integer as high_activity_seconds,
        medium_activity_time::integer as medium_activity_seconds,
        low_activity_time::integer as low_activity_seconds,
        sedentary_time::integer as sedentary_seconds,
        resting_time::integer as resting_seconds,
        non_wear_time::integer as non_wear_seconds,
        high_activity_met_minutes::integer as high_activity_met_minutes,
        medium_activity_met_minutes::integer as medium_activity_met_minutes,
        low_activity_met_minutes::integer as low_activity_met_minutes,
        sedentary_met_minutes::integer as sedentary_met_minutes,
        average_met_minutes::double precision as average_met,

        -- series: one digit per five minutes, one MET value per minute
        class_5_min,
        met as met_samples,

        -- dates and times
        day,
        {{ instant('timestamp', 'day_start') }},

        -- bookkeeping
        {{ json_or_null('extra') }} as extra,
        _sdc_batched_at at time zone 'UTC' as loaded_at
    from source
    where {{ is_present('daily_activity') }}

)

select * from renamed
