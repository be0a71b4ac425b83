-- depends_on: {{ ref('int_oura__collection_days') }}
with gone as (

    select * from {{ ref('int_oura__gone') }}

){% if is_incremental() %},

-- What was listed before stays, even when its rows are purged, unless the document is back. The first time counts.
listed as (

    select stored.*
    from {{ this }} as stored
    where
        not exists (
            select 1
            from {{ ref('int_oura__collection_days') }} as read_days
            where
                read_days.user_id = stored.user_id
                and read_days.collection = stored.collection
                and read_days.document_ids ? stored.document_id
        )

)

select
    coalesce(listed.user_id, gone.user_id) as user_id,
    coalesce(listed.collection, gone.collection) as collection,
    coalesce(listed.document_id, gone.document_id) as document_id,
    coalesce(listed.date, nullif(gone.date, '-infinity')) as date,
    coalesce(gone.samples, listed.samples) as samples,
    case
        when listed.samples < gone.samples then gone.deleted_at
        else coalesce(listed.deleted_at, gone.deleted_at)
    end as deleted_at
from gone
full join listed
    on gone.user_id = listed.user_id and gone.collection = listed.collection and gone.document_id = listed.document_id
{%- else %}

select
    user_id,
    collection,
    document_id,
    nullif(date, '-infinity') as date,
    samples,
    deleted_at
from gone
{%- endif %}
