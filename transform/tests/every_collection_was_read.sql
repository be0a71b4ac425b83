-- Tables are built from what could be read; the run still has to end as a failure, with each gap named in its log.
{{ name_failures(ref('oura_collection_failures')) }}

select
    user_id,
    collection,
    message
from {{ ref('oura_collection_failures') }}
where recovered_at is null
