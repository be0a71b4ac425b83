{{ config(severity='warn') }}

-- Documents without an id or a usable day are in no mart. One row per account, collection and reason, named in the log.
{{ name_rejected(ref('stg_oura__rejected_documents')) }}

select
    user_id,
    collection,
    reason,
    count(*) as documents
from {{ ref('stg_oura__rejected_documents') }}
group by user_id, collection, reason
