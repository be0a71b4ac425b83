{#-
    The columns that a mart takes from another model, as listed in its YAML (transform/marts.py): `alias.column as name`. Unit tests
    and the linter do not read YAML, so the lists are in macros/columns.sql, written by `make generated`.
-#}
{% macro taken(mart, source, alias=none) -%}
    {%- for name, origin in taken_columns()[mart][source].items() -%}
    {{ alias ~ '.' if alias }}{{ origin }}{{ ' as ' ~ name if name != origin }}{{ ',\n    ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#-
    The scores and totals whose changes are recorded, each with the collection that it comes from: columns of oura_daily with
    the meta `revised`. A value that grows while its day is in progress (`grows`) counts from the end of the day on.
-#}
{% macro revised_measures(growing=none) -%}
    {%- set measures = [] -%}
    {%- for name, (collection, grows) in revised_columns().items() if growing in (none, grows) -%}
        {%- do measures.append((collection, name)) -%}
    {%- endfor -%}
    {{ return(measures) }}
{%- endmacro %}
