{#-
    The raw table of a collection. A collection that was never asked for has no table: an empty relation of the types
    written in `__sources.yml` stands in, so that the project builds with any choice of collections.
-#}
{% macro raw(collection, alias=none) -%}
    {%- set relation = source('oura_raw', collection) -%}
    {%- if not execute or relation.is_cte or load_relation(relation) -%}
        {{ relation }}{{ ' as ' ~ alias if alias }}
    {%- else -%}
        {%- set columns = graph.sources['source.oura.oura_raw.' ~ collection].columns.values() -%}
        (
            select
            {%- for column in columns %}
                null::{{ column.data_type }} as {{ column.name }}{{ ',' if not loop.last }}
            {%- endfor %}
            where false
        ) as {{ alias or 'absent' }}
    {%- endif -%}
{%- endmacro %}
