{#-
    Heart rate and battery grow by hundreds of rows a day and account, so their marts read only rows that were loaded
    since the last build. Load time counts, never the time of the sample: a ring that synced late delivers old samples.
-#}

{#- Whether this build reads new rows only: the mart exists, its meta says `reads: news`, and `--full-refresh` is not set. -#}
{% macro reads_news() -%}
    {{ return(is_incremental() and config.meta_get('reads') == 'news' and not flags.FULL_REFRESH) }}
{%- endmacro %}

{#-
    The load time up to which this mart has read everything. One more than a day ahead is wrong, not a slightly fast clock,
    and is ignored. It is read beforehand and put into the query as a literal: the planner then knows that few rows are
    newer, and uses the index. The mart of an older version may lack the column: it has read nothing.
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
    Indexes on load time for the raw tables that grow without bound; the loader creates none. The planner needs statistics
    to use an index on an expression, and after a large first load autovacuum might take years to collect them.
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
