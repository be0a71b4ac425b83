with latest as (

    {{ latest_per_day(ref('stg_oura__daily_resilience')) }}

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
