{#-
    One document per day and account. Where Oura's answer holds several for a day, one with the first of `measures` speaks
    before one without, and so on through them; then the later one in the answer, whose order the ledger keeps; then the
    one received last.
-#}
{% macro latest_per_day(collection, measures) -%}
    select distinct on (documents.user_id, documents.day) documents.*
    from (
        select
            *,
            count(*) over (partition by user_id, day) > 1 as is_contested
        from {{ ref('stg_oura__' ~ collection) }}
        where day is not null
    ) as documents
    left join {{ ref('int_oura__collection_days') }} as read_days
        on
            documents.is_contested
            and documents.user_id = read_days.user_id
            and read_days.collection = '{{ collection }}'
            and documents.day = read_days.day
    order by
        documents.user_id asc,
        documents.day asc,
        {%- for measure in measures %}
        documents.{{ measure }} is null asc,
        {%- endfor %}
        (
            select max(listed.position)
            from jsonb_array_elements_text(
                case when jsonb_typeof(read_days.document_ids) = 'array' then read_days.document_ids end
            ) with ordinality as listed (document_id, position)
            where listed.document_id = documents.document_id
        ) desc nulls last,
        documents.loaded_at desc,
        documents.document_id desc
{%- endmacro %}
