-- What staging hides, for those who name or remove it. No row is listed because it is missing from somewhere.
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
        {{ is_gone(collection) }}
where source.id is not null
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
