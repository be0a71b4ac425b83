select
    user_id,
    document_id as id,
    start_day as start_date,
    end_day as end_date,
    coalesce(end_day, end_local::date) is null as is_open,
    start_at,
    end_at,
    start_local,
    end_local,
    start_utc_offset,
    end_utc_offset,
    case when jsonb_typeof(episodes) = 'array' then jsonb_array_length(episodes) else 0 end as episode_count,
    episodes
from {{ ref('stg_oura__rest_mode_period') }}
