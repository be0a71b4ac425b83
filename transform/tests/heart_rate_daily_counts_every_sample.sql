{{ config(tags=['daily']) }}

{#- dbt selects this test for each model that it reads, the ledger too, so the marts may not be there. -#}
{%- if execute and not (load_relation(ref('oura_heart_rate')) and load_relation(ref('oura_heart_rate_daily'))) -%}
select 1 as nothing
where false
{%- else -%}
-- Only changed days are updated; this recounts all from the samples. A day of travel has 50 hours at most. A day that
-- time alone put at the edge of what was read still has its row.
with counted as (

    select
        user_id,
        date,
        count(*) as samples
    from {{ ref('oura_heart_rate') }}
    group by user_id, date

),

compared as (

    select
        coalesce(counted.user_id, daily.user_id) as user_id,
        coalesce(counted.date, daily.date) as date,
        counted.samples,
        daily.samples as daily_samples,
        daily.covered_minutes
    from counted
    full join {{ ref('oura_heart_rate_daily') }} as daily
        on counted.user_id = daily.user_id and counted.date = daily.date

)

select
    user_id,
    date
from compared
where
    (samples is distinct from daily_samples or covered_minutes not between 0 and 3000)
    and not {{ is_at_the_edge('compared') }}
{%- endif %}
