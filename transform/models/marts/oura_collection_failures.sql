select
    user_id,
    collection,
    reason,
    message,
    start_date,
    end_date,
    failed_at,
    recovered_at
from {{ ref('stg_oura__collection_failures') }}
