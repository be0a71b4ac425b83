{#- The days of heart rate that an incremental build reads: changed days and their neighbours. -#}
{% macro days_with_changes() -%}
    {%- set known = known_until() -%}
    select
        samples.user_id,
        samples.date + shifts.days as date
    from {{ ref('oura_heart_rate') }} as samples
    cross join (values (-1), (0), (1)) as shifts (days)
    where samples.changed_at > {{ known }}
    union distinct
    -- A day that lost samples has no sample that shows it.
    select
        read_days.user_id,
        read_days.day + shifts.days as date
    from {{ ref('int_oura__collection_days') }} as read_days
    cross join (values (-1), (0), (1)) as shifts (days)
    where read_days.collection = 'heartrate' and read_days.changed_at > {{ known }}
{%- endmacro %}

{#-
    Whether `day`, a relation with user_id and date, lies at the edge of what was read: of its UTC day and the two beside
    it, some were read and some were not. Away from Greenwich it may lack samples then. A UTC day that is not over
    everywhere may not have been read yet; nothing is known of what another pipeline loaded without a day ledger.
-#}
{% macro is_at_the_edge(day) -%}
    (
        select count(read_days.day) between 1 and count(*) - 1
        from (values (-1), (0), (1)) as shifts (days)
        left join {{ ref('int_oura__collection_days') }} as read_days
            on
                read_days.user_id = {{ day }}.user_id
                and read_days.collection = 'heartrate'
                and read_days.day = {{ day }}.date + shifts.days
        where
            read_days.day is not null
            or {{ day }}.date + shifts.days < ({{ var('now') }} at time zone 'UTC' - interval '36 hours')::date
    )
{%- endmacro %}

{#- Before an incremental build: deletes days of oura_heart_rate_daily that lost their last sample or are at an edge. -#}
{% macro delete_days_without_row() -%}
    {%- if reads_news() -%}
    delete from {{ this }} as stored
    using ({{ days_with_changes() }}) as days
    where
        stored.user_id = days.user_id
        and stored.date = days.date
        and (
            not exists (
                select 1
                from {{ ref('oura_heart_rate') }} as samples
                where samples.user_id = stored.user_id and samples.date = stored.date
            )
            or {{ is_at_the_edge('days') }}
        )
    {%- else -%}
    select 1
    {%- endif -%}
{%- endmacro %}
