select distinct on (user_id)
    user_id,
    {{ taken('oura_profile', 'stg_oura__personal_info') }}
from {{ ref('stg_oura__personal_info') }}
order by user_id asc, loaded_at desc, document_id desc
