{#- One statistic over the items of a sample object; slots without a reading are null and left out. -#}
{% macro sample_statistic(samples, statistic) -%}
    (
        select round({{ statistic }}(items.value::numeric), 1)::double precision
        from jsonb_array_elements(
            case when jsonb_typeof({{ samples }} -> 'items') = 'array' then {{ samples }} -> 'items' end
        ) as items (value)
        where jsonb_typeof(items.value) = 'number'
    )
{%- endmacro %}
