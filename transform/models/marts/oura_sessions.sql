{{ config(
    meta={'reads': 'news'},
    indexes=[{'columns': ['changed_at']}],
    pre_hook="{{ forget_gone_documents('session') }}"
) }}

-- A session has hundreds of readings to go through, so it reads news only.
select
    user_id,
    document_id as id,
    day as date,
    session_type as type,
    mood,
    {{ as_integer('extract(epoch from end_at - start_at)') }} as duration,
    {{ sample_statistic('heart_rate_samples', 'avg') }} as average_heart_rate,
    {{ sample_statistic('heart_rate_samples', 'min') }} as lowest_heart_rate,
    {{ sample_statistic('heart_rate_samples', 'max') }} as highest_heart_rate,
    {{ sample_statistic('hrv_samples', 'avg') }} as average_hrv,
    {{ sample_statistic('motion_samples', 'sum') }} as motion_count,
    start_at,
    end_at,
    start_local,
    end_local,
    start_utc_offset,
    end_utc_offset,
    loaded_at as changed_at
from {{ ref('stg_oura__session') }}
{%- if reads_news() %}
where loaded_at > {{ known_until() }}
{%- endif %}
