{#- The loader writes an absent object as the JSON value null, which is not SQL's null. -#}
{% macro json_or_null(column) -%}
    nullif({{ column }}, 'null'::jsonb)
{%- endmacro %}

{#- A member of an object where it is a number. -#}
{% macro json_number(column, name) -%}
    case when jsonb_typeof({{ column }} -> '{{ name }}') = 'number' then ({{ column }} -> '{{ name }}')::numeric end
{%- endmacro %}

{% macro json_integer(column, name) -%}
    {{ as_integer(json_number(column, name)) }}
{%- endmacro %}

{% macro json_double(column, name) -%}
    {{ as_double(json_number(column, name)) }}
{%- endmacro %}

{#- The members of the object `contributors`, one column each. -#}
{% macro contributors(names, cast=json_integer) -%}
    {%- for name in names -%}
        {{ cast('contributors', name) }} as contributor_{{ name }}{{ ',\n        ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
