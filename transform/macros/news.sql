{#-
    Heart rate and battery grow by hundreds of rows a day and account, so their marts read only rows that were loaded
    since the last build. Load time counts, never the time of the sample: a ring that synced late delivers old samples.
-#}

{#- Whether this build reads news only: the mart exists, says so, and nobody asked for `--full-refresh`. -#}
{% macro reads_news() -%}
    {{ return(is_incremental() and config.meta_get('reads') == 'news' and not flags.FULL_REFRESH) }}
{%- endmacro %}

{#-
    The load time up to which this mart has seen everything; one that lies more than a day ahead is no
    clock that is a little fast, and says nothing. It is read beforehand and stands in the query as a literal:
    the planner then knows that few rows are newer, and takes the index. An older version's mart may lack the column: it has
    seen nothing.
-#}
{% macro known_until() -%}
    {%- set query -%}
        select (coalesce(newest.changed_at, '-infinity') - interval '{{ var("load_overlap") }}')::text
        from (values (null::timestamptz)) as of_a_mart_without (changed_at)
        left join lateral (
            select changed_at from {{ this }}
            where changed_at <= now() + interval '1 day'
            order by changed_at desc
            limit 1
        ) as newest on true
    {%- endset -%}
    '{{ run_query(query).columns[0].values()[0] if execute }}'::timestamptz
{%- endmacro %}

{#-
    Indexes on load time for the raw tables that grow without bound; the loader makes none. The planner takes an index on an
    expression for what it is once it has figures about it, and after a large first load these might be years away.
-#}
{% macro index_series() %}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- for collection in ['heartrate', 'ring_battery_level', 'collection_days'] -%}
            {%- set relation = api.Relation.create(target.database, 'oura_raw', collection) -%}
            {%- set name = collection ~ '_loaded_at' -%}
            {%- if found_columns(relation).get('_sdc_batched_at') == 'timestamp without time zone'
                and not run_query("select to_regclass('oura_raw." ~ name ~ "')").columns[0].values()[0] -%}
                {%- do run_query('create index ' ~ name ~ ' on ' ~ relation
                    ~ " ((_sdc_batched_at at time zone 'UTC'))") -%}
                {%- do run_query('analyze ' ~ relation) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}
