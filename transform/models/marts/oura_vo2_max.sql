with latest as (

    {{ latest_per_day(ref('stg_oura__vo2_max')) }}

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
