with latest as (

    {{ latest_per_day('daily_cardiovascular_age', ['vascular_age_years']) }}

)

select
    user_id,
    day as date,
    vascular_age_years as vascular_age,
    pulse_wave_velocity_meters_per_second as pulse_wave_velocity,
    document_id
from latest
