{#- The heart rate that zones are shares of: 220 minus the age, where that can be one. -#}
{% macro max_heart_rate(age) -%}
    220 - case when {{ age }} between 0 and 120 then {{ age }} else {{ var('default_age') }} end
{%- endmacro %}
