with latest as (

    {{ latest_per_day('daily_resilience', ['level']) }}

)

select
    user_id,
    day as date,
    {{ taken('oura_resilience', 'stg_oura__daily_resilience') }}
from latest
