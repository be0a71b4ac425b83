{{ config(severity='warn') }}

-- Two counted periods of one day that share most of the shorter one would count a night twice.
select
    earlier.user_id,
    earlier.date,
    earlier.id,
    later.id as later_id
from {{ ref('oura_sleep_periods') }} as earlier
inner join {{ ref('oura_sleep_periods') }} as later
    on earlier.user_id = later.user_id and earlier.date = later.date and earlier.id < later.id
where
    earlier.counts_toward_day
    and later.counts_toward_day
    and least(earlier.bedtime_end, later.bedtime_end) - greatest(earlier.bedtime_start, later.bedtime_start)
    > least(earlier.bedtime_end - earlier.bedtime_start, later.bedtime_end - later.bedtime_start) / 2
