-- Sleep that counts is in the day's total once, and nothing else is.
select
    sleep.user_id,
    sleep.date
from {{ ref('oura_sleep') }} as sleep
left join {{ ref('oura_sleep_periods') }} as periods
    on
        sleep.user_id = periods.user_id
        and sleep.date = periods.date
        and periods.type in ('long_sleep', 'sleep', 'late_nap')
        and not periods.is_superseded
group by sleep.user_id, sleep.date, sleep.total_sleep
having sleep.total_sleep is distinct from {{ as_integer('sum(periods.total_sleep)') }}
