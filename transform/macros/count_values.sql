{#-
    Counts, by account and column, the values of marts outside the `range` of their column, and returns them as a query. With
    `--select`, and before the first build, a mart or a column may not be there yet.
-#}
{% macro values_out_of_range() %}
    {%- set counts = [] -%}
    {%- for mart, ranges in value_ranges().items() -%}
        {%- set relation = ref(mart) -%}
        {%- set found = found_columns(relation) if execute else {} -%}
        {%- set conditions = {} -%}
        {%- for column, range in ranges.items() if column in found -%}
            {%- do conditions.update({column: 'loaded.' ~ column ~ ' not between ' ~ range[0] ~ ' and ' ~ range[1]}) -%}
        {%- endfor -%}
        {%- if conditions -%}{%- do counts.append(count_values(mart, relation, 'loaded.user_id', conditions)) -%}{%- endif -%}
    {%- endfor -%}
    {{ named_counts(counts, 'Out of range') }}
{% endmacro %}

{#- One query that counts, in one pass, the rows of a relation where each column's condition holds. -#}
{% macro count_values(name, relation, user_id, conditions) %}
        select '{{ name }}' as name, columns.column_name, coalesce(counted.user_id, '') as user_id, columns.count
        from (
            select {{ user_id }} as user_id,
            {%- for condition in conditions.values() %}
                count(*) filter (where {{ condition }}) as count_{{ loop.index }}{{ ',' if not loop.last }}
            {%- endfor %}
            from {{ relation }} as loaded
            group by 1
        ) as counted
        cross join lateral (
            values
            {%- for column in conditions %}
            ('{{ column }}', counted.count_{{ loop.index }}){{ ',' if not loop.last }}
            {%- endfor %}
        ) as columns (column_name, count)
        where columns.count > 0
{% endmacro %}

{#-
    Names in the log what the queries count, and returns it as a query. Never a value itself. Each table is read once, here
    and not again by the test.
-#}
{% macro named_counts(counts, what) %}
    {%- set most_lines = 50 -%}
    {%- set found = run_query(counts | join(' union all ') ~ ' order by 1, 2, 3').rows if execute and counts else [] -%}
    {%- for row in found -%}
        {%- if loop.index <= most_lines -%}
            {%- do log(what ~ ': ' ~ row[3] ~ ' values of ' ~ row[0] ~ '.' ~ row[1] ~ ' of ' ~ row[2], info=true) -%}
        {%- elif loop.last -%}
            {%- do log(what ~ ': values of ' ~ (loop.length - most_lines) ~ ' more columns', info=true) -%}
        {%- endif %}
    select {{ dbt.string_literal(row[0]) }} as name, {{ dbt.string_literal(row[1]) }} as column_name,
        {{ dbt.string_literal(dbt.escape_single_quotes(row[2])) }} as user_id, {{ row[3] }} as values
    {{ 'union all' if not loop.last }}
    {%- else %}
    select 1 as nothing where false
    {%- endfor -%}
{% endmacro %}
