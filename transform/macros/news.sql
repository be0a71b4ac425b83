{#-
    Heart rate and battery grow by hundreds of rows a day and account, so their marts read only rows that were loaded
    since the last build. Load time counts, never the time of the sample: a ring that synced late delivers old samples.
-#}

{#- Whether this build reads news only: the mart exists, says so, and nobody asked for `--full-refresh`. -#}
{% macro reads_news() -%}
    {{ return(is_incremental() and config.meta_get('reads') == 'news' and not flags.FULL_REFRESH) }}
{%- endmacro %}

{#-
    The load time up to which this mart has seen everything. It is read beforehand and stands in the query as a literal:
    the planner then knows that few rows are newer, and takes the index.
-#}
{% macro known_until() -%}
    {%- set query -%}
        select (coalesce(max(changed_at), '-infinity') - interval '{{ var("load_overlap") }}')::text from {{ this }}
    {%- endset -%}
    '{{ run_query(query).columns[0].values()[0] if execute }}'::timestamptz
{%- endmacro %}

{#- Indexes on load time for the raw tables that grow without bound; the loader makes none. -#}
{% macro index_series() %}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- for collection in ['heartrate', 'ring_battery_level', 'collection_days'] -%}
            {%- set relation = api.Relation.create(target.database, 'oura_raw', collection) -%}
            {%- set name = collection ~ '_loaded_at' -%}
            {%- if load_relation(relation)
                and not run_query("select to_regclass('oura_raw." ~ name ~ "')").columns[0].values()[0] -%}
                {%- do run_query('create index ' ~ name ~ ' on ' ~ relation
                    ~ " ((_sdc_batched_at at time zone 'UTC'))") -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}
