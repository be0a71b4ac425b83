{#-
    Oura sends instants as text in several forms: with an offset (`±hh:mm`, `±hhmm`, `±hh`) or `Z`, with or without seconds
    and their fractions, at times with no offset at all. Text that is no instant becomes null instead of failing the run.
    Plain string functions are used, for patterns cost several times as much, and these columns are read on each run.
-#}

{#- The text with an offset, where it is an instant; text without one is taken as UTC. From the year 1000 to 8999, which
    leaves room for what is added to it. -#}
{% macro instant_text(column) -%}
    {%- set zoned = 'case when ' ~ offset_text(column) ~ " is null then " ~ column ~ " || 'Z' else " ~ column ~ ' end' -%}
    case
            when
                {{ column }} like '____-__-_____:__%' and {{ column }} between '1' and '9'
                and {{ is_valid(zoned, 'timestamptz') }}
                then {{ zoned }}
        end
{%- endmacro %}

{#- The offset at the end of an instant as `±hh:mm`. -#}
{% macro offset_text(column) -%}
    case
            when right({{ column }}, 1) in ('Z', 'z') then '+00:00'
            when substr({{ column }}, length({{ column }}) - 5, 1) in ('+', '-') then right({{ column }}, 6)
            when substr({{ column }}, length({{ column }}) - 4, 1) in ('+', '-')
                then left(right({{ column }}, 5), 3) || ':' || right({{ column }}, 2)
            when substr({{ column }}, length({{ column }}) - 2, 1) in ('+', '-') then right({{ column }}, 3) || ':00'
        end
{%- endmacro %}

{#- The moment itself. -#}
{% macro instant_at(column) -%}
    ({{ instant_text(column) }})::timestamptz
{%- endmacro %}

{#- What the wearer's clock showed: Postgres leaves the offset aside when it reads a timestamp without time zone. -#}
{% macro instant_local(column) -%}
    ({{ instant_text(column) }})::timestamp
{%- endmacro %}

{#- The clock's distance from UTC, as an interval; null where Oura sent none. -#}
{% macro instant_utc_offset(column) -%}
    case when {{ instant_text(column) }} is not null then ({{ offset_text(column) }})::interval end
{%- endmacro %}

{#- The three together: `<name>_at`, `<name>_local` and `<name>_utc_offset`. -#}
{% macro instant(column, name=none) -%}
    {%- set name = name or column -%}
    {{ instant_at(column) }} as {{ name }}_at,
        {{ instant_local(column) }} as {{ name }}_local,
        {{ instant_utc_offset(column) }} as {{ name }}_utc_offset
{%- endmacro %}
