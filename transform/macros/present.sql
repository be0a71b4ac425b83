{#-
    What Oura deleted stays in `oura_raw` and is hidden here, by the ledger of days. `int_oura__gone` lists it: by that the
    mart `oura_deleted_documents` names it, and `collect.py purge` removes it. A day that the ledger does not know, or
    a record that arrived after the day was last read, is not judged. In a warehouse without a ledger nothing is hidden.
-#}

{#- Whether a row of `source`, a raw table, has a key and is still at Oura. -#}
{% macro is_present(collection) -%}
    {%- if collection in day_columns() -%}
    user_id is not null
    and id is not null
    and {% endif -%}
    not exists (
        select 1
        from {{ ref('int_oura__collection_days') }} as read_days
        where
            {{ is_gone(collection) }}
    )
{%- endmacro %}

{#-
    The rule. A document is gone if its day, read since the document was sent, no longer lists it; a sample, if its day was
    sent as a whole since. What the tap could not use of a document when it read the day is still at Oura: the last usable
    version counts.
-#}
{% macro is_gone(collection) -%}
            read_days.user_id = source.user_id
            and read_days.collection = '{{ collection }}'
            and read_days.day = {{ day_of(collection) }}
            {%- if collection in day_columns() %}
            and source._sdc_extracted_at < read_days.read_at at time zone 'UTC'
            and not read_days.document_ids ? source.id
            and not exists (
                select 1
                from {{ ref('stg_oura__rejected_documents') }} as rejected
                where
                    rejected.user_id = source.user_id
                    and rejected.collection = '{{ collection }}'
                    and rejected.document_id = source.id
                    and rejected.rejected_at >= read_days.read_at
            )
            {%- else %}
            and source._sdc_extracted_at < read_days.gone_before at time zone 'UTC'
            {%- endif %}
{%- endmacro %}

{#- The day that the ledger knows a row of `source` by. -#}
{% macro day_of(collection) -%}
    {%- if collection not in day_columns() -%}
    {{ as_date('source.timestamp') }}
    {%- else -%}
    {{ 'source.' ~ day_columns()[collection] if day_columns()[collection] else "'-infinity'::date" }}
    {%- endif -%}
{%- endmacro %}

{#-
    In a build of news, before it: takes those samples out of a mart that their rewritten day no longer has. `key` names
    the columns that belong to the key beside account and instant.
-#}
{% macro forget_gone_samples(collection, key=[]) -%}
    {%- if reads_news() -%}
    with rewritten as materialized (

        select
            user_id,
            day,
            day::timestamp at time zone 'UTC' as starts_at,
            (day + 1)::timestamp at time zone 'UTC' as ends_at
        from {{ ref('int_oura__collection_days') }}
        where collection = '{{ collection }}' and gone_before is not null and changed_at > {{ known_until() }}

    ),

    current_samples as materialized (

        select
            source.user_id,
            {%- for column in key %}
            source.{{ column }},
            {%- endfor %}
            {{ instant_at('source.timestamp') }} as timestamp
        from rewritten
        inner join {{ raw(collection, alias='source') }}
            on
            {{ samples_of('rewritten') }}
        where {{ is_present(collection) }}

    )

    delete from {{ this }} as stored
    using rewritten
    where
        stored.user_id = rewritten.user_id
        and stored.timestamp >= rewritten.starts_at
        and stored.timestamp < rewritten.ends_at
        and not exists (
            select 1
            from current_samples
            where
                current_samples.user_id = stored.user_id
                and current_samples.timestamp = stored.timestamp
                {%- for column in key %}
                and current_samples.{{ column }} = stored.{{ column }}
                {%- endfor %}
        )
    {%- else -%}
    select 1
    {%- endif -%}
{%- endmacro %}

{#- In a build of news, before it: takes those documents out of a mart that Oura no longer has. -#}
{% macro forget_gone_documents(collection) -%}
    {%- if reads_news() -%}
    delete from {{ this }} as stored
    where not exists (
        select 1
        from {{ ref('stg_oura__' ~ collection) }} as source
        where source.user_id = stored.user_id and source.document_id = stored.id
    )
    {%- else -%}
    select 1
    {%- endif -%}
{%- endmacro %}

{#- The samples of one UTC day, by the key's index: the text of an instant begins with its day. -#}
{% macro samples_of(days) -%}
source.user_id = {{ days }}.user_id
            and source.timestamp >= to_char({{ days }}.day, 'YYYY-MM-DD')
            and source.timestamp < to_char({{ days }}.day + 1, 'YYYY-MM-DD')
{%- endmacro %}
