{#-
    What Oura deleted stays in `oura_raw` and is hidden here, by the ledger of days. `int_oura__gone` lists it: by that the
    mart `oura_deleted_documents` names it, and `collect.py purge` removes it. A day that the ledger does not know, or
    a record that arrived after the day was last read, is not judged. In a warehouse without a ledger nothing is hidden.
-#}

{#- The day that the ledger knows a document of `source` by. -#}
{% macro day_of(collection) -%}
    {%- set column = day_columns()[collection] -%}
    {{ 'source.' ~ column if column else "'-infinity'::date" }}
{%- endmacro %}

{#- Whether a document of `source` has a key and is still at Oura. -#}
{% macro is_present(collection) -%}
    user_id is not null
    and id is not null
    and not exists (
        select 1
        from {{ ref('int_oura__collection_days') }} as read_days
        where
            {{ is_gone(collection) }}
    )
{%- endmacro %}

{#- The rule: whether the day of a document of `source`, read since the document came, no longer lists it. -#}
{% macro is_gone(collection) -%}
            read_days.user_id = source.user_id
            and read_days.collection = '{{ collection }}'
            and read_days.day = {{ day_of(collection) }}
            and source._sdc_extracted_at < read_days.read_at at time zone 'UTC'
            and not read_days.document_ids ? source.id
            and not {{ is_rejected(collection) }}
{%- endmacro %}

{#-
    Whether the tap could not use what Oura sent of a document when its day was last read: it is still at Oura, and the last
    usable version counts.
-#}
{% macro is_rejected(collection) -%}
    exists (
                select 1
                from {{ ref('stg_oura__rejected_documents') }} as rejected
                where
                    rejected.user_id = source.user_id
                    and rejected.collection = '{{ collection }}'
                    and rejected.document_id = source.id
                    and rejected.rejected_at >= read_days.read_at
            )
{%- endmacro %}

{#- Whether a sample of `source` is still at Oura: sent when its day was last sent as a whole, or later. -#}
{% macro is_current_sample(collection) -%}
    not exists (
        select 1
        from {{ ref('int_oura__collection_days') }} as read_days
        where
            read_days.user_id = source.user_id
            and read_days.collection = '{{ collection }}'
            and read_days.day = {{ as_date('source.timestamp') }}
            and source._sdc_extracted_at < read_days.gone_before at time zone 'UTC'
    )
{%- endmacro %}

{#-
    In a build of news, before it: takes those samples out of a mart that their rewritten day no longer has. `key` names
    the columns that belong to the key beside account and instant.
-#}
{% macro forget_gone_samples(collection, key=[]) -%}
    {%- if reads_news() -%}
    with read_days as materialized (

        select
            user_id,
            day,
            gone_before,
            day::timestamp at time zone 'UTC' as starts_at,
            (day + 1)::timestamp at time zone 'UTC' as ends_at
        from {{ ref('int_oura__collection_days') }}
        where collection = '{{ collection }}' and gone_before is not null and changed_at > {{ known_until() }}

    ),

    current_samples as materialized (

        select
            samples.user_id,
            {%- for column in key %}
            samples.{{ column }},
            {%- endfor %}
            {{ instant_at('samples.timestamp') }} as timestamp
        from read_days
        inner join lateral (
            select source.* from {{ raw(collection, alias='source') }}
            where
            {{ samples_of('read_days') }}
            and source._sdc_extracted_at >= read_days.gone_before at time zone 'UTC'
        ) as samples on true

    )

    delete from {{ this }} as stored
    using read_days
    where
        stored.user_id = read_days.user_id
        and stored.timestamp >= read_days.starts_at
        and stored.timestamp < read_days.ends_at
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
