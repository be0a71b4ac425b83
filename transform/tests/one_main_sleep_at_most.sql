-- Two main sleeps would double a night's row.
select
    user_id,
    date
from {{ ref('oura_sleep_periods') }}
where is_main_sleep
group by user_id, date
having count(*) > 1
