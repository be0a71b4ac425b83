{#-
    Counts, by account and column, the values of the raw tables that staging turns into null, and returns them as a query.
-#}
{% macro unreadable_values() %}
    {%- set counts = [] -%}
    {%- if execute -%}
        {%- for node in graph.sources.values() if node.source_name == 'oura_raw' -%}
            {%- do counts.append(count_unreadable(node.name)) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ named_counts(counts | select | list, 'Not readable') }}
{% endmacro %}

{#- One query that counts a table's values; empty where there is no table, or none of its columns can hold such. -#}
{% macro count_unreadable(collection) -%}
    {%- set relation = source('oura_raw', collection) -%}
    {%- set found = found_columns(relation) -%}
    {%- set conditions = {} -%}
    {%- for column in graph.sources['source.oura.oura_raw.' ~ collection].columns.values() if column.name in found -%}
        {%- set condition = is_unreadable(column, found[column.name]) | trim -%}
        {%- if condition -%}{%- do conditions.update({column.name: condition}) -%}{%- endif -%}
    {%- endfor -%}
    {%- if conditions and 'user_id' in found %}
        {{ count_values(collection, relation, typed('loaded.user_id', found['user_id'], 'text'), conditions) }}
    {%- endif -%}
{%- endmacro %}

{#- When a value of a column is there and has no meaning to staging; empty where that cannot be. -#}
{% macro is_unreadable(column, found) -%}
    {%- set name = 'loaded.' ~ column.name -%}
    {%- set value = typed(name, found, column.data_type) | trim -%}
    {%- set holds = column.config.meta.holds or column.meta.holds -%}
    {%- if column.name.startswith('_sdc_') or column.name in ('extra', 'timestamp_unix') -%}
    {%- elif column.data_type == 'bigint' -%}
        {{ name }} is not null and ({{ as_integer(value) }}) is null
    {%- elif column.data_type == 'numeric' -%}
        {{ name }} is not null and ({{ as_double(value) }}) is null
    {%- elif column.data_type == 'date' -%}
        {{ name }} is not null and ({{ as_day(value) }}) is null
    {%- elif column.data_type == 'timestamp without time zone' -%}
        {{ name }} is not null and ({{ as_moment(value) }}) is null
    {%- elif holds == 'instant' -%}
        {{ name }} is not null and ({{ instant_text(value) }}) is null
    {%- elif column.data_type == 'jsonb' -%}
        {{ name }} is not null and coalesce(jsonb_typeof({{ value }}), '') not in ('object', 'null')
        {%- if holds == 'numbers' %}
        or exists (
            select 1
            from jsonb_each(case when jsonb_typeof({{ value }}) = 'object' then {{ value }} end) as members
            where
                case jsonb_typeof(members.value)
                    when 'number' then abs((members.value)::numeric) > 2147483647
                    else jsonb_typeof(members.value) in ('string', 'boolean')
                end
        )
        {%- endif %}
    {%- elif found != column.data_type and column.data_type != 'text' -%}
        {{ name }} is not null and ({{ value }}) is null
    {%- endif -%}
{%- endmacro %}
