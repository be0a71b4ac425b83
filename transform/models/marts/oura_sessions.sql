{{ config(
    meta={'reads': 'news'},
    indexes=[{'columns': ['changed_at']}],
    pre_hook="{{ forget_gone_documents('session') }}"
) }}

-- A session has hundreds of samples to go through, so it reads new rows only.
select
    user_id,
    day as date,
    {{ as_integer('extract(epoch from end_at - start_at)') }} as duration,
    {{ sample_statistic('heart_rate', 'avg') }} as average_heart_rate,
    {{ sample_statistic('heart_rate', 'min') }} as lowest_heart_rate,
    {{ sample_statistic('heart_rate', 'max') }} as highest_heart_rate,
    {{ sample_statistic('heart_rate_variability', 'avg') }} as average_hrv,
    {{ sample_statistic('motion_count', 'sum') }} as motion_count,
    {{ taken('oura_sessions', 'stg_oura__session') }},
    loaded_at as changed_at
from {{ ref('stg_oura__session') }}
{%- if reads_news() %}
where loaded_at > {{ known_until() }}
{%- endif %}
