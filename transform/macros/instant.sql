{#-
    Oura sends instants as text in several forms: with an offset or `Z`, with or without milliseconds, at times with no
    offset at all. Text of any other shape becomes null instead of failing the run. Plain string functions are used, for
    patterns cost ten times as much, and these columns are read on each run.
-#}

{% macro instant_text(column) -%}
    case when {{ column }} like '____-__-__T__:__%' then {{ column }} end
{%- endmacro %}

{% macro offset_text(column) -%}
    case
            when {{ column }} like '%Z' then '+00:00'
            when substr({{ column }}, length({{ column }}) - 5, 1) in ('+', '-') then right({{ column }}, 6)
        end
{%- endmacro %}

{#- The moment itself; text without an offset is taken as UTC. -#}
{% macro instant_at(column) -%}
    case
            when {{ offset_text(column) }} is null then ({{ instant_text(column) }} || 'Z')::timestamptz
            else ({{ instant_text(column) }})::timestamptz
        end
{%- endmacro %}

{#- What the wearer's clock showed: Postgres leaves the offset aside when it reads a timestamp without time zone. -#}
{% macro instant_local(column) -%}
    ({{ instant_text(column) }})::timestamp
{%- endmacro %}

{#- The clock's distance from UTC, as an interval; null where Oura sent none. -#}
{% macro instant_utc_offset(column) -%}
    ({{ offset_text(column) }})::interval
{%- endmacro %}

{#- The three together: `<name>_at`, `<name>_local` and `<name>_utc_offset`. -#}
{% macro instant(column, name=none) -%}
    {%- set name = name or column -%}
    {{ instant_at(column) }} as {{ name }}_at,
        {{ instant_local(column) }} as {{ name }}_local,
        {{ instant_utc_offset(column) }} as {{ name }}_utc_offset
{%- endmacro %}
