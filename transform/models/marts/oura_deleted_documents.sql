-- What staging hides, read beside it: from the raw tables and the ledger.
with gone as (

    {% for collection in day_columns() -%}
    select
        source.user_id,
        '{{ collection }}' as collection,
        source.id as document_id,
        {{ day_of(collection) }} as date,
        null::integer as samples,
        read_days.read_at as deleted_at
    from {{ raw(collection, alias='source') }}
    inner join {{ ref('int_oura__collection_days') }} as read_days
        on
            source.user_id = read_days.user_id
            and read_days.collection = '{{ collection }}'
            and {{ day_of(collection) }} = read_days.day
            and source._sdc_extracted_at < read_days.read_at at time zone 'UTC'
    where
        source.id is not null
        and not read_days.document_ids ? source.id
        and not {{ is_rejected(collection) }}
    union all
    {% endfor -%}
    select
        user_id,
        collection,
        to_char(day, 'YYYY-MM-DD') as document_id,
        day as date,
        {{ as_integer('gone_count') }} as samples,
        gone_before as deleted_at
    from {{ ref('int_oura__collection_days') }}
    where gone_count > 0

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
