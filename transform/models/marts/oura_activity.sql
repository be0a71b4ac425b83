with activities as (

    {{ latest_per_day('daily_activity', ['activity_score']) }}

),

nights as (

    select
        user_id,
        max(bedtime_end) as last_at
    from {{ ref('oura_sleep_periods') }}
    group by user_id

),

-- The newest moment that Oura has data of: the ring was synced at or after it. The newest sample of an account is one
-- step in the key's index, where an aggregate would read millions of rows.
synced as (

    select
        accounts.user_id,
        greatest(accounts.last_at, nights.last_at, samples.last_at) as synced_until
    from (
        select
            user_id,
            max(day_start_at) as last_at
        from activities
        group by user_id
    ) as accounts
    left join nights on accounts.user_id = nights.user_id
    left join lateral (
        select max(heart_rate.timestamp) as last_at
        from {{ ref('oura_heart_rate') }} as heart_rate
        where heart_rate.user_id = accounts.user_id
    ) as samples on true

)

select
    activities.user_id,
    activities.day as date,
    activities.activity_score,
    activities.steps,
    activities.active_kilocalories as active_calories,
    activities.total_kilocalories as total_calories,
    activities.target_kilocalories as target_calories,
    activities.equivalent_walking_distance_meters as equivalent_walking_distance,
    activities.target_meters,
    activities.meters_to_target,
    activities.high_activity_seconds as high_activity_time,
    activities.medium_activity_seconds as medium_activity_time,
    activities.low_activity_seconds as low_activity_time,
    activities.sedentary_seconds as sedentary_time,
    activities.resting_seconds as resting_time,
    activities.non_wear_seconds as non_wear_time,
    activities.high_activity_met_minutes,
    activities.medium_activity_met_minutes,
    activities.low_activity_met_minutes,
    activities.sedentary_met_minutes,
    activities.average_met,
    activities.inactivity_alert_count as inactivity_alerts,
    -- The day ends at 04:00 the next morning by the day's own clock.
    coalesce(
        synced.synced_until
        >= (activities.day + interval '1 day 4 hours' - coalesce(activities.day_start_utc_offset, '0'))
        at time zone 'UTC',
        false
    ) as is_complete,
    activities.contributor_meet_daily_targets,
    activities.contributor_move_every_hour,
    activities.contributor_recovery_time,
    activities.contributor_stay_active,
    activities.contributor_training_frequency,
    activities.contributor_training_volume,
    activities.class_5_min,
    activities.day_start_at as day_start,
    activities.day_start_local,
    activities.day_start_utc_offset,
    activities.document_id
from activities
left join synced on activities.user_id = synced.user_id
