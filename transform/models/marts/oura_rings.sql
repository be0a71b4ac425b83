select
    user_id,
    row_number() over (partition by user_id order by set_up_at desc nulls last, document_id desc) = 1 as is_current,
    {{ taken('oura_rings', 'stg_oura__ring_configuration') }}
from {{ ref('stg_oura__ring_configuration') }}
