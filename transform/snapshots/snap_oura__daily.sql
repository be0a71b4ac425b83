{% snapshot snap_oura__daily %}

{{ config(unique_key=['user_id', 'date'], strategy='check', check_cols='all') }}

-- Scores and totals, narrow enough to compare each day on each build. A value of a day in progress is not known yet.
with days as (

    select
        *,
        coalesce(activity_is_complete, date < max(date) over (partition by user_id) - 1) as is_over
    from {{ ref('oura_daily') }}

)

select
    user_id,
    date,
    {%- for _, name in revised_measures(growing=true) %}
    case when is_over then {{ name }} end as {{ name }},
    {%- endfor %}
    {%- for _, name in revised_measures(growing=false) %}
    {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
from days

{% endsnapshot %}
