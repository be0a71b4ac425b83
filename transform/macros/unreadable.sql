{#-
    Counts, by account and column, the values of the raw tables that staging turns into null, names them in the log, and
    returns them as a query. Never a value itself. Each table is read once, here and not again by the test.
-#}
{% macro unreadable_values() %}
    {%- set most_lines = 50 -%}
    {%- set counts = [] -%}
    {%- if execute -%}
        {%- for node in graph.sources.values() if node.source_name == 'oura_raw' -%}
            {%- do counts.append(count_unreadable(node.name)) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- set found = run_query(counts | select | join(' union all ') ~ ' order by 1, 2, 3').rows if counts | select | list else [] -%}
    {%- for row in found -%}
        {%- if loop.index <= most_lines -%}
            {%- do log('Not readable: ' ~ row[3] ~ ' values of ' ~ row[0] ~ '.' ~ row[1] ~ ' of ' ~ row[2], info=true) -%}
        {%- elif loop.last -%}
            {%- do log('Not readable: values of ' ~ (loop.length - most_lines) ~ ' more columns', info=true) -%}
        {%- endif %}
    select {{ dbt.string_literal(row[0]) }} as collection, {{ dbt.string_literal(row[1]) }} as column_name,
        {{ dbt.string_literal(dbt.escape_single_quotes(row[2])) }} as user_id, {{ row[3] }} as values_without_meaning
    {{ 'union all' if not loop.last }}
    {%- else %}
    select 1 as nothing where false
    {%- endfor -%}
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
        select '{{ collection }}' as collection, columns.name, coalesce(counted.user_id, '') as user_id, columns.count
        from (
            select {{ typed('loaded.user_id', found['user_id'], 'text') }} as user_id,
            {%- for condition in conditions.values() %}
                count(*) filter (where {{ condition }}) as count_{{ loop.index }}{{ ',' if not loop.last }}
            {%- endfor %}
            from {{ relation }} as loaded
            group by 1
        ) as counted
        cross join lateral (
            values
            {%- for name in conditions %}
            ('{{ name }}', counted.count_{{ loop.index }}){{ ',' if not loop.last }}
            {%- endfor %}
        ) as columns (name, count)
        where columns.count > 0
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
