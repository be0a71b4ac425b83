{#-
    Whether a day can be one on which a ring was worn. Tables with a row for each day begin and end within this: a document
    that is dated 0001-01-01 or 9999-12-31 has its row in its own table, and adds no millennia of empty days to the others.
-#}
{% macro is_plausible(day) -%}
    {{ day }} between '{{ var("first_plausible_day") }}' and ({{ var('now') }} at time zone 'UTC')::date + 366
{%- endmacro %}
