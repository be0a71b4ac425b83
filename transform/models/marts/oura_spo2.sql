with latest as (

    {{ latest_per_day('daily_spo2', ['average_spo2_percent']) }}

)

select
    user_id,
    day as date,
    average_spo2_percent as average_spo2,
    breathing_disturbance_index,
    document_id
from latest
