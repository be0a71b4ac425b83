with latest as (

    {{ latest_per_day('daily_stress', ['stress_high']) }}

)

select
    user_id,
    day as date,
    {{ taken('oura_stress', 'stg_oura__daily_stress') }}
from latest
