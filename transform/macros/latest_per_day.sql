{#-
    Oura may replace a day's document by one with a new id. The one that was received last speaks for the day.
-#}
{% macro latest_per_day(relation) -%}
    select distinct on (user_id, day) *
    from {{ relation }}
    where day is not null
    order by user_id asc, day asc, loaded_at desc, document_id desc
{%- endmacro %}
