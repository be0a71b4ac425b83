with latest as (

    {{ latest_per_day('vo2_max', ['vo2_max']) }}

)

select
    user_id,
    day as date,
    {{ taken('oura_vo2_max', 'stg_oura__vo2_max') }}
from latest
