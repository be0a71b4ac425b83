{#-
    The incremental strategy `sync`: makes a mart equal to its query and touches only rows that differ. Views that people
    built on the mart, its indexes and its statistics stay; a run without changes writes nothing.

    - The key is the contract's primary key.
    - `changed_at` is bookkeeping: it is written with a row, but a difference in it alone is no change,
      unless an older version's mart had no such column.
    - Rows that the query no longer yields are deleted, unless the mart has `meta: {reads: news}`: such a query yields
      only what is new, and absence means nothing. With `--full-refresh` its query yields everything.
-#}
{% macro get_incremental_sync_sql(arg_dict) %}
    {%- set target = arg_dict['target_relation'] -%}
    {%- set fresh = arg_dict['temp_relation'] -%}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | list -%}
    {%- set keys = primary_key() -%}
    {%- set values = columns | reject('in', keys) | list -%}
    {%- set compared = values | reject('equalto', '"changed_at"') | list -%}
    {%- set same_key -%}
        {%- for key in keys %}{{ ' and ' if not loop.first }}stored.{{ key }} = fresh.{{ key }}{% endfor -%}
    {%- endset -%}

    {%- if not reads_news() %}
    delete from {{ target }} as stored
    where not exists (select 1 from {{ fresh }} as fresh where {{ same_key }});
    {%- endif %}

    {%- if compared %}
    update {{ target }} as stored
    set {% for column in values %}{{ column }} = fresh.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
    from {{ fresh }} as fresh
    where {{ same_key }}
        and (
            {%- for column in compared %}
            stored.{{ column }} is distinct from fresh.{{ column }}{{ ' or' if not loop.last }}
            {%- endfor %}
            {%- if '"changed_at"' in values %}
            or stored."changed_at" is null and fresh."changed_at" is not null
            {%- endif %}
        );
    {%- endif %}

    insert into {{ target }} ({{ columns | join(', ') }})
    select {{ columns | join(', ') }}
    from {{ fresh }} as fresh
    where not exists (select 1 from {{ target }} as stored where {{ same_key }});
{% endmacro %}


{#- Columns of the primary key that the model's contract declares, quoted. -#}
{% macro primary_key() %}
    {%- for constraint in model.constraints if constraint.type == 'primary_key' -%}
        {%- set keys = [] -%}
        {%- for column in constraint.columns %}{% do keys.append(adapter.quote(column)) %}{% endfor -%}
        {{ return(keys) }}
    {%- endfor -%}
    {{ exceptions.raise_compiler_error(model.name ~ ' needs a primary key in its contract: the strategy sync matches rows by it') }}
{% endmacro %}
