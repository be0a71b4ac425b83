{#-
    Every key of the staging model is in the mart and nothing else is. `keys` maps the mart's columns to the staging ones.
    This is what an incremental mistake would break first.
-#}
{% test same_keys_as(model, to, keys) %}

    with expected as (

        select distinct {{ keys.values() | join(', ') }}
        from {{ to }}
        where
            {%- for column in keys.values() %}
            {{ column }} is not null{{ ' and' if not loop.last }}
            {%- endfor %}

    ),

    actual as (

        select {{ keys.keys() | join(', ') }}
        from {{ model }}

    )

    (select 'missing' as problem, * from (select * from expected except select * from actual) as missing)
    union all
    (select 'left over' as problem, * from (select * from actual except select * from expected) as left_over)

{% endtest %}
