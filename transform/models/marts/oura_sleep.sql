with scores as (

    {{ latest_per_day('daily_sleep', ['score']) }}

),

periods as (

    select * from {{ ref('oura_sleep_periods') }}
    where counts_toward_day and date is not null

),

main_sleeps as (

    select * from periods
    where is_main_sleep

),

totals as (

    select
        user_id,
        date,
        {{ as_integer('sum(total_sleep)') }} as total_sleep,
        {{ as_integer('sum(rem_sleep)') }} as total_rem_sleep,
        {{ as_integer('sum(deep_sleep)') }} as total_deep_sleep,
        {{ as_integer('sum(light_sleep)') }} as total_light_sleep,
        {{ as_integer('sum(awake_time)') }} as total_awake_time,
        {{ as_integer('sum(time_in_bed)') }} as total_time_in_bed,
        count(*)::integer as period_count,
        (count(*) filter (where type in ('sleep', 'late_nap')))::integer as nap_count
    from periods
    group by user_id, date

),

-- A day may have a score and no period, or periods and no score (yet).
days as (

    select
        user_id,
        day as date
    from scores
    union distinct
    select
        user_id,
        date
    from totals

)

select
    days.user_id,
    days.date,
    totals.total_sleep,
    coalesce(totals.period_count, 0) as period_count,
    coalesce(totals.nap_count, 0) as nap_count,
    totals.total_rem_sleep,
    totals.total_deep_sleep,
    totals.total_light_sleep,
    totals.total_awake_time,
    totals.total_time_in_bed,
    {{ taken('oura_sleep', 'stg_oura__daily_sleep', 'scores') }},
    {{ taken('oura_sleep', 'oura_sleep_periods', 'main_sleeps') }}
from days
left join scores on days.user_id = scores.user_id and days.date = scores.day
left join totals on days.user_id = totals.user_id and days.date = totals.date
left join main_sleeps on days.user_id = main_sleeps.user_id and days.date = main_sleeps.date
