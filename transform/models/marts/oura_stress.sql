with latest as (

    {{ latest_per_day('daily_stress', ['stress_high_seconds']) }}

)

select
    user_id,
    day as date,
    day_summary,
    stress_high_seconds as stress_high,
    recovery_high_seconds as recovery_high,
    document_id
from latest
