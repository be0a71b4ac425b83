with latest as (

    {{ latest_per_day('daily_cardiovascular_age', ['vascular_age']) }}

)

select
    user_id,
    day as date,
    {{ taken('oura_cardiovascular_age', 'stg_oura__daily_cardiovascular_age') }}
from latest
