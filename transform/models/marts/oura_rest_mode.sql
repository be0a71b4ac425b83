select
    user_id,
    coalesce(end_day, end_local::date) is null as is_open,
    case when jsonb_typeof(episodes) = 'array' then jsonb_array_length(episodes) else 0 end as episode_count,
    {{ taken('oura_rest_mode', 'stg_oura__rest_mode_period') }}
from {{ ref('stg_oura__rest_mode_period') }}
