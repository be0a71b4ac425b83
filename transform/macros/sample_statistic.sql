{#- One statistic over the items of a sample object; slots without a value are null and left out. -#}
{% macro sample_statistic(samples, statistic) -%}
    (
        select {{ as_double('round(' ~ statistic ~ '(items.value::numeric), 1)') }}
        from jsonb_array_elements(
            case when jsonb_typeof({{ samples }} -> 'items') = 'array' then {{ samples }} -> 'items' end
        ) as items (value)
        where case when jsonb_typeof(items.value) = 'number' then abs(items.value::numeric) <= 1e308 end
    )
{%- endmacro %}
