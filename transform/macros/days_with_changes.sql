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

{#- Before an incremental build: deletes the days of oura_heart_rate_daily that lost their last sample. -#}
{% macro delete_days_without_samples() -%}
    {%- if reads_news() -%}
    delete from {{ this }} as stored
    using ({{ days_with_changes() }}) as days
    where
        stored.user_id = days.user_id
        and stored.date = days.date
        and not exists (
            select 1
            from {{ ref('oura_heart_rate') }} as samples
            where samples.user_id = stored.user_id and samples.date = stored.date
        )
    {%- else -%}
    select 1
    {%- endif -%}
{%- endmacro %}
