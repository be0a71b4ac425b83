{#- A data test only counts its rows. This names them in the log, so that the run says what is missing. -#}
{% macro name_failures(relation) %}
    {%- if execute and load_relation(relation) -%}
        {%- for row in run_query('select * from ' ~ relation ~ ' where recovered_at is null order by 1, 2') -%}
            {%- do log('Not read: ' ~ row['collection'] ~ ' of ' ~ row['user_id'] ~ ': ' ~ row['message'], info=true) -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}
