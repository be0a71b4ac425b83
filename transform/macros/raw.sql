{#-
    The raw table of a collection, each column of `__sources.yml` in the type declared there, whatever lies in the
    database: an older version's table, another tool's, or one from which `meltano select` left fields out.

    - A table that is as declared stands for itself, so that the planner sees its indexes and figures.
    - A column of another type is cast, what cannot be cast is null, and a missing column is null.
    - A collection that was never asked for has no table: an empty relation stands in.
    - A table without a unique index may hold a document twice: the one loaded last counts.
-#}
{% macro raw(collection, alias=none) -%}
    {%- set relation = source('oura_raw', collection) -%}
    {%- if not execute or relation.is_cte -%}
        {{ relation }}{{ ' as ' ~ alias if alias }}
    {%- else -%}
        {%- set columns = declared_columns(collection) -%}
        {%- set found = found_columns(relation) -%}
        {%- set key = [] if found['has unique index'] else key_of(collection) -%}
        {%- set different = [] -%}
        {%- for name, type in columns.items() if found.get(name) != type -%}{%- do different.append(name) -%}{%- endfor -%}
        {%- if found and not different and not key -%}
        {{ relation }}{{ ' as ' ~ alias if alias }}
        {%- else -%}
        (
            select {{ 'distinct on (' ~ key | join(', ') ~ ')' if found and key }}
            {%- for name, type in columns.items() %}
                {{ typed('loaded.' ~ name, found.get(name), type) }} as {{ name }}{{ ',' if not loop.last }}
            {%- endfor %}
            {% if found -%}
            from {{ relation }} as loaded
            {% if key %}order by {{ key | join(', ') }}, _sdc_batched_at desc nulls last{% endif %}
            {%- else -%}
            where false
            {%- endif %}
        ) as {{ alias or 'loaded_rows' }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#- The types that `__sources.yml` declares, by column. -#}
{% macro declared_columns(collection) -%}
    {%- set columns = {} -%}
    {%- for column in graph.sources['source.oura.oura_raw.' ~ collection].columns.values() -%}
        {%- do columns.update({column.name: column.data_type}) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}

{#- The types that the table's columns have, by column; empty where there is no table. -#}
{% macro found_columns(relation) -%}
    {%- set query -%}
        select
            attname,
            format_type(atttypid, null),
            exists (select 1 from pg_index where indrelid = attrelid and indisunique and indisvalid)
        from pg_attribute
        where attrelid = to_regclass('{{ relation }}') and attnum > 0 and not attisdropped
    {%- endset -%}
    {%- set found = {} -%}
    {%- for row in run_query(query) -%}{%- do found.update({row[0]: row[1], 'has unique index': row[2]}) -%}{%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{#- What a row is known by; samples are told apart where their text is read as an instant. -#}
{% macro key_of(collection) -%}
    {%- if collection in day_columns() -%}{{ return(['user_id', 'id']) }}{%- endif -%}
    {{ return(['user_id', 'collection'] if collection == 'collection_failures' else []) }}
{%- endmacro %}

{#- A column that has the type `found` in the type `declared`. -#}
{% macro typed(column, found, declared) -%}
    {%- set whole = ['smallint', 'integer', 'bigint'] -%}
    {%- set text = as_text(column, found) -%}
    {%- if found == declared -%}
        {{ column }}
    {%- elif not found -%}
        {#- Rows that do not say when they were loaded are always new, here and below. -#}
        {{ "now() at time zone 'UTC'" if column.endswith('_sdc_batched_at') else 'null::' ~ declared }}
    {%- elif declared == 'text' -%}
        {{ text }}
    {%- elif declared in ('bigint', 'numeric') and found in whole -%}
        {{ column }}::{{ declared }}
    {%- elif declared == 'bigint' -%}
        {{ as_bigint(column if found == 'numeric' else as_number(text)) }}
    {%- elif declared == 'numeric' -%}
        {{ as_number(text) }}
    {%- elif declared == 'boolean' -%}
        {{ as_boolean(text) }}
    {%- elif declared == 'date' -%}
        {{ as_date(text) }}
    {%- elif declared == 'timestamp without time zone' -%}
        {%- set moment = column if found == 'timestamp with time zone' else instant_at(text) -%}
        {{ 'coalesce(' ~ moment ~ ', now())' if column.endswith('_sdc_batched_at') else moment }} at time zone 'UTC'
    {%- elif found in ('text', 'character varying', 'json') -%}
        case when {{ is_valid(column ~ '::text', 'json' if found == 'json' and not can_ask_for_validity() else 'jsonb') }} then {{ column }}::jsonb end
    {%- else -%}
        {#- jsonb, and the arrays of it, which staging reads as jsonb. -#}
        to_jsonb({{ column }})
    {%- endif -%}
{%- endmacro %}

{#- Any column as text: dates and instants in their ISO form, JSON text without its quotes. -#}
{% macro as_text(column, found) -%}
    {%- if found in ('text', 'character varying') -%}
        {{ column }}::text
    {%- elif found == 'json' -%}
        {{ column }}::text
    {%- elif found == 'timestamp with time zone' -%}
        (to_jsonb({{ column }} at time zone 'UTC') #>> '{}') || 'Z'
    {%- else -%}
        (to_jsonb({{ column }}) #>> '{}')
    {%- endif -%}
{%- endmacro %}
