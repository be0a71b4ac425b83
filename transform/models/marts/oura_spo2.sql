with latest as (

    {{ latest_per_day('daily_spo2', ['spo2_percentage_average']) }}

)

select
    user_id,
    day as date,
    {{ taken('oura_spo2', 'stg_oura__daily_spo2') }}
from latest
