{#-
    Casts that cannot fail: what has no value of the type is null. Each is one expression that the planner may move wherever
    it likes, for CASE alone keeps PostgreSQL from evaluating a cast whose guard does not hold; AND does not.
    The test `every_value_could_be_read` counts and names what these turn into null.
-#}

{#- A bigint or a numeric as an integer, to the nearest, halves to even, as the tap rounds. NaN is beyond all numbers. -#}
{% macro as_integer(number) -%}
    case when {{ number }} between -2147483648 and 2147483647 then ({{ number }})::double precision::integer end
{%- endmacro %}

{#- The same for a bigint, as far as doubles are exact. -#}
{% macro as_bigint(number) -%}
    case
            when {{ number }} between -9007199254740991 and 9007199254740991 then ({{ number }})::double precision::bigint
        end
{%- endmacro %}

{#- A number of any kind as a double: finite, and 0 where it is nearer to it than a double can be. -#}
{% macro as_double(number) -%}
    case
            when abs({{ number }}) < 1e-307 then 0
            when abs({{ number }}) <= 1e308 then ({{ number }})::double precision
        end
{%- endmacro %}

{#- Text as a numeric. Its length bounds what the digits can grow to. -#}
{% macro as_number(text) -%}
    case
            when
                length({{ text }}) < 400
                and {{ text }} ~ '^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,3})?$'
                then ({{ text }})::numeric
        end
{%- endmacro %}

{% macro as_boolean(text) -%}
    case
            when lower({{ text }}) in ('true', 't', 'yes', '1') then true
            when lower({{ text }}) in ('false', 'f', 'no', '0') then false
        end
{%- endmacro %}

{#- Text that begins with a day as a date. -#}
{% macro as_date(text) -%}
    case
            when {{ text }} like '____-__-__%' and {{ is_valid('left(' ~ text ~ ', 10)', 'date') }}
                then left({{ text }}, 10)::date
        end
{%- endmacro %}

{#- A date that timestamps and intervals can be made of; infinite ones are none. -#}
{% macro as_day(date) -%}
    case when {{ date }} between '0001-01-01' and '9999-12-31' then {{ date }} end
{%- endmacro %}

{#- A moment of the loader's or the ledger's as an instant. -#}
{% macro as_moment(timestamp) -%}
    case
            when {{ timestamp }} between '1000-01-01' and '9000-01-01' then {{ timestamp }} at time zone 'UTC'
        end
{%- endmacro %}

{#-
    Whether text can be cast. PostgreSQL answers that itself from 16 on, in a fifth of the time that a pattern takes; before,
    patterns do. `json` is well-formed already: there only what jsonb refuses is looked for.
-#}
{% macro is_valid(text, type) -%}
    {%- set month_and_day = '(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8])' -%}
    {%- set leap_year = '[0-9][0-9](0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00' -%}
    {%- set day = '(?!0000)([0-9]{4}-(' ~ month_and_day ~ ')|(' ~ leap_year ~ ')-02-29)' -%}
    {%- set time = '([01][0-9]|2[0-3]):[0-5][0-9](:([0-5][0-9]|60)([.][0-9]+)?)?|24:00(:00([.]0+)?)?' -%}
    {%- set offset = '[Zz]|[+-](0[0-9]|1[0-5])(:?[0-5][0-9])?' -%}
    {%- if can_ask_for_validity() -%}
    pg_input_is_valid({{ text }}, '{{ type }}')
    {%- elif type == 'date' -%}
    {{ text }} ~ '^{{ day }}$'
    {%- elif type == 'timestamptz' -%}
    {{ text }} ~ '^{{ day }}[Tt ]({{ time }})({{ offset }})$'
    {%- elif type == 'json' -%}
    {{ text }} !~* '\\u(0000|d[89a-f])|[0-9]{255}|[0-9]e[+-]?[0-9]{4}'
    {%- else -%}
    false
    {%- endif -%}
{%- endmacro %}

{% macro can_ask_for_validity() -%}
    {{ return(not execute or run_query('show server_version_num').columns[0].values()[0] | int >= 160000) }}
{%- endmacro %}
