with latest as (

    {{ latest_per_day('vo2_max', ['vo2_max_ml_per_kg_minute']) }}

)

select
    user_id,
    day as date,
    vo2_max_ml_per_kg_minute as vo2_max,
    estimated_at,
    estimated_local,
    estimated_utc_offset,
    document_id
from latest
