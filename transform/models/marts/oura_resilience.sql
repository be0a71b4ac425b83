with latest as (

    {{ latest_per_day('daily_resilience', ['resilience_level']) }}

)

select
    user_id,
    day as date,
    resilience_level as level,
    contributor_sleep_recovery,
    contributor_daytime_recovery,
    contributor_stress,
    document_id
from latest
