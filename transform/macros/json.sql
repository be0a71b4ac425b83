{#- The loader writes an absent object as the JSON value null, which is not SQL's null. -#}
{% macro json_or_null(column) -%}
    nullif({{ column }}, 'null'::jsonb)
{%- endmacro %}

{#- The members of the object `contributors`, one column each. -#}
{% macro contributors(names, type='integer') -%}
    {%- for name in names -%}
        (contributors ->> '{{ name }}')::double precision::{{ type }} as contributor_{{ name }}{{ ',\n        ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
