select
    user_id,
    document_id as id,
    day as date,
    activity,
    intensity,
    label,
    workout_source as source,
    kilocalories as calories,
    distance_meters as distance,
    {{ as_integer('extract(epoch from end_at - start_at)') }} as duration,
    start_at,
    end_at,
    start_local,
    end_local,
    start_utc_offset,
    end_utc_offset
from {{ ref('stg_oura__workout') }}
