{#-
    Every key of the staging model is in the mart and nothing else is. `keys` maps the mart's columns to the staging ones.
    This is what an incremental mistake would break first.
-#}
{% test same_keys_as(model, to, keys) %}

    {%- set same_key -%}
        {%- for own, other in keys.items() -%}
            {{ ' and ' if not loop.first }}actual.{{ own }} = expected.{{ other }}
        {%- endfor -%}
    {%- endset %}

    -- Materialized, so that the keys are computed once, be they made from text.
    with expected as materialized (

        select {{ keys.values() | join(', ') }}
        from {{ to }}

    )

    select 'missing' as problem, {{ keys.values() | join(', ') }}
    from expected
    where
        {%- for column in keys.values() %}
        {{ column }} is not null
        and
        {%- endfor %}
        not exists (select 1 from {{ model }} as actual where {{ same_key }})
    union all
    select 'left over' as problem, {{ keys.keys() | join(', ') }}
    from {{ model }} as actual
    where not exists (select 1 from expected where {{ same_key }})

{% endtest %}
