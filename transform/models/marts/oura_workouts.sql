select
    user_id,
    day as date,
    {{ as_integer('extract(epoch from end_at - start_at)') }} as duration,
    {{ taken('oura_workouts', 'stg_oura__workout') }}
from {{ ref('stg_oura__workout') }}
