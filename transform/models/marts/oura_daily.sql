{% set marts_by_day = [
    'oura_sleep', 'oura_activity', 'oura_readiness', 'oura_stress', 'oura_spo2', 'oura_resilience',
    'oura_cardiovascular_age', 'oura_vo2_max', 'oura_sleep_time', 'oura_heart_rate_daily',
    'oura_workouts', 'oura_sessions', 'oura_tags'
] %}

with reported as (

    {% for mart in marts_by_day -%}
    select
        user_id,
        min(date) as first_date,
        max(date) as last_date
    from {{ ref(mart) }}
    where {{ is_plausible('date') }}
    group by user_id
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

spans as (

    select
        user_id,
        min(first_date) as first_date,
        max(last_date) as last_date
    from reported
    group by user_id

),

-- A day without data is a row too: a gap is a fact, and no zero. They are put in order, or the planner
-- takes them for ordered by account alone and joins each day with all others of its account.
days as (

    select
        user_id,
        generate_series(first_date, last_date, interval '1 day')::date as date
    from spans
    order by user_id, date

),

workouts as (

    select
        user_id,
        date,
        count(*)::integer as workout_count,
        {{ as_integer('sum(duration)') }} as workout_time,
        {{ as_double('round(sum(calories::numeric), 1)') }} as workout_calories,
        {{ as_double('round(sum(distance::numeric), 1)') }} as workout_distance
    from {{ ref('oura_workouts') }}
    group by user_id, date

),

sessions as (

    select
        user_id,
        date,
        count(*)::integer as session_count,
        {{ as_integer('sum(duration)') }} as session_time
    from {{ ref('oura_sessions') }}
    group by user_id, date

),

tags as (

    select
        user_id,
        date,
        count(*)::integer as tag_count,
        string_agg(distinct coalesce(custom_name, tag_type_code, 'text'), ', ') as tags
    from {{ ref('oura_tags') }}
    group by user_id, date

),

rest_mode_days as (

    select distinct
        periods.user_id,
        covered.date::date as date
    from {{ ref('oura_rest_mode') }} as periods
    inner join spans on periods.user_id = spans.user_id
    cross join
        generate_series(
            greatest(periods.start_date, spans.first_date),
            least(periods.end_date, spans.last_date),
            interval '1 day'
        ) as covered (date)

)

select
    days.user_id,
    days.date,
    coalesce(sleep.nap_count, 0) as nap_count,
    {{ taken('oura_daily', 'oura_sleep', 'sleep') }},
    {{ taken('oura_daily', 'oura_activity', 'activity') }},
    {{ taken('oura_daily', 'oura_readiness', 'readiness') }},
    {{ taken('oura_daily', 'oura_stress', 'stress') }},
    {{ taken('oura_daily', 'oura_spo2', 'spo2') }},
    {{ taken('oura_daily', 'oura_resilience', 'resilience') }},
    {{ taken('oura_daily', 'oura_cardiovascular_age', 'cardiovascular_age') }},
    {{ taken('oura_daily', 'oura_vo2_max', 'vo2_max') }},
    {{ taken('oura_daily', 'oura_sleep_time', 'sleep_time') }},
    {{ taken('oura_daily', 'oura_heart_rate_daily', 'heart_rate') }},
    coalesce(heart_rate.samples, 0) as heart_rate_samples,
    coalesce(workouts.workout_count, 0) as workout_count,
    workouts.workout_time,
    workouts.workout_calories,
    workouts.workout_distance,
    coalesce(sessions.session_count, 0) as session_count,
    sessions.session_time,
    coalesce(tags.tag_count, 0) as tag_count,
    tags.tags,
    rest_mode_days.date is not null as is_rest_mode,
    -- Worn: a sleep was recorded, a heart beat was measured, or the activity day has time in some posture.
    coalesce(sleep.period_count, 0) > 0
    or coalesce(heart_rate.samples, 0) > 0
    or coalesce(
        activity.high_activity_time::bigint + activity.medium_activity_time + activity.low_activity_time
        + activity.sedentary_time + activity.resting_time, 0
    ) > 0 as is_ring_worn
from days
left join {{ ref('oura_sleep') }} as sleep on days.user_id = sleep.user_id and days.date = sleep.date
left join {{ ref('oura_activity') }} as activity on days.user_id = activity.user_id and days.date = activity.date
left join {{ ref('oura_readiness') }} as readiness on days.user_id = readiness.user_id and days.date = readiness.date
left join {{ ref('oura_stress') }} as stress on days.user_id = stress.user_id and days.date = stress.date
left join {{ ref('oura_spo2') }} as spo2 on days.user_id = spo2.user_id and days.date = spo2.date
left join {{ ref('oura_resilience') }} as resilience
    on days.user_id = resilience.user_id and days.date = resilience.date
left join {{ ref('oura_cardiovascular_age') }} as cardiovascular_age
    on days.user_id = cardiovascular_age.user_id and days.date = cardiovascular_age.date
left join {{ ref('oura_vo2_max') }} as vo2_max on days.user_id = vo2_max.user_id and days.date = vo2_max.date
left join {{ ref('oura_sleep_time') }} as sleep_time
    on days.user_id = sleep_time.user_id and days.date = sleep_time.date
left join {{ ref('oura_heart_rate_daily') }} as heart_rate
    on days.user_id = heart_rate.user_id and days.date = heart_rate.date
left join workouts on days.user_id = workouts.user_id and days.date = workouts.date
left join sessions on days.user_id = sessions.user_id and days.date = sessions.date
left join rest_mode_days on days.user_id = rest_mode_days.user_id and days.date = rest_mode_days.date
left join tags on days.user_id = tags.user_id and days.date = tags.date
