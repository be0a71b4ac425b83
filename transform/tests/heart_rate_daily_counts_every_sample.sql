{{ config(tags=['daily']) }}

-- Only changed days are updated; this recounts all from the samples. A day of travel has 50 hours at most.
with counted as (

    select
        user_id,
        date,
        count(*) as samples
    from {{ ref('oura_heart_rate') }}
    group by user_id, date

)

select
    coalesce(counted.user_id, daily.user_id) as user_id,
    coalesce(counted.date, daily.date) as date
from counted
full join {{ ref('oura_heart_rate_daily') }} as daily on counted.user_id = daily.user_id and counted.date = daily.date
where
    counted.samples is distinct from daily.samples
    or daily.covered_minutes not between 0 and 3000
