{#- A data test only counts its rows. This names them in the log, so that the run says what is missing. -#}
{% macro name_failures(relation) %}
    {%- if execute and load_relation(relation) -%}
        {%- for row in run_query('select * from ' ~ relation ~ ' where recovered_at is null order by 1, 2') -%}
            {%- do log('Not read: ' ~ row['collection'] ~ ' of ' ~ row['user_id'] ~ ': ' ~ row['message'], info=true) -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}

{#- The same for rejected documents: account, collection and reason, never the document. -#}
{% macro name_rejected(relation) %}
    {%- if execute and load_relation(relation) -%}
        {%- set query -%}
            select collection, user_id, reason, count(*) as documents
            from {{ relation }}
            group by 1, 2, 3
            order by 1, 2, 3
            limit 50
        {%- endset -%}
        {%- for row in run_query(query) -%}
            {%- do log(
                'Set aside: ' ~ row['documents'] ~ ' documents of ' ~ row['collection'] ~ ' of ' ~ row['user_id']
                ~ ': ' ~ row['reason'], info=true) -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}
