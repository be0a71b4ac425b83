-- depends_on: {{ ref('int_oura__collection_days') }}
with gone as (

    select * from {{ ref('int_oura__gone') }}

){% if is_incremental() %},

-- What was told before stays, also when its rows are purged, unless the document is back. The first telling counts.
told as (

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
    coalesce(told.user_id, gone.user_id) as user_id,
    coalesce(told.collection, gone.collection) as collection,
    coalesce(told.document_id, gone.document_id) as document_id,
    coalesce(told.date, nullif(gone.date, '-infinity')) as date,
    coalesce(gone.samples, told.samples) as samples,
    case
        when told.samples < gone.samples then gone.deleted_at
        else coalesce(told.deleted_at, gone.deleted_at)
    end as deleted_at
from gone
full join told
    on gone.user_id = told.user_id and gone.collection = told.collection and gone.document_id = told.document_id
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
