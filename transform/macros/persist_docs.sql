{#-
    dbt writes each comment again on each run. Here only comments that differ are written, so that a run without changes
    leaves the catalog alone, and one query replaces two.
-#}
{% macro postgres__persist_docs(relation, model, for_relation, for_columns) -%}
    {%- set comments = {} -%}
    {%- set query -%}
        select coalesce(attribute.attname, '') as name, description.description
        from pg_description as description
        left join pg_attribute as attribute
            on description.objoid = attribute.attrelid and description.objsubid = attribute.attnum and attribute.attnum > 0
        where description.objoid = '{{ relation }}'::regclass and description.classoid = 'pg_class'::regclass
    {%- endset -%}
    {%- for row in run_query(query) -%}{%- do comments.update({row['name']: row['description']}) -%}{%- endfor -%}

    {%- if for_relation and config.persist_relation_docs() and model.description and comments.get('') != model.description -%}
        {%- do run_query(alter_relation_comment(relation, model.description)) -%}
    {%- endif -%}
    {%- if for_columns and config.persist_column_docs() -%}
        {%- set changed = {} -%}
        {%- for name, column in model.columns.items() if column.description and comments.get(name) != column.description -%}
            {%- do changed.update({name: column}) -%}
        {%- endfor -%}
        {%- if changed -%}{%- do run_query(alter_column_comment(relation, changed)) -%}{%- endif -%}
    {%- endif -%}
{%- endmacro %}
