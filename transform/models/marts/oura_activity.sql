with activities as (

    {{ latest_per_day('daily_activity', ['score']) }}

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
            max(recorded_at) as last_at
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
    -- The day ends at 04:00 the next morning by the day's own clock.
    coalesce(
        synced.synced_until
        >= (activities.day + interval '1 day 4 hours' - coalesce(activities.recorded_utc_offset, '0'))
        at time zone 'UTC',
        false
    ) as is_complete,
    {{ taken('oura_activity', 'stg_oura__daily_activity', 'activities') }}
from activities
left join synced on activities.user_id = synced.user_id
