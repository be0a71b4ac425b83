{{ config(
    meta={'reads': 'news'},
    indexes=[{'columns': ['changed_at']}],
    pre_hook="{{ delete_days_without_row() }}"
) }}

-- depends_on: {{ ref('int_oura__collection_days') }}
-- The samples behind it run into millions, so it reads changed days only. Where the wearer's clock moved, samples
-- went to a neighbouring day: neighbours are read too, and the hook removes a day that lost its last sample. A day at
-- the edge of what was read may lack samples, so it has no row until its neighbours are read.
with days_with_changes as (

    {% if reads_news() -%}
    select * from ({{ days_with_changes() }}) as days
    union distinct
    -- A birthday moves the zones.
    select
        stored.user_id,
        stored.date
    from {{ this }} as stored
    left join {{ ref('oura_profile') }} as profiles on stored.user_id = profiles.user_id
    where stored.max_heart_rate <> {{ max_heart_rate('profiles.age') }}
    {%- else -%}
    select distinct
        user_id,
        date
    from {{ ref('oura_heart_rate') }}
    {%- endif %}

),

whole_days as (

    select * from days_with_changes
    where not {{ is_at_the_edge('days_with_changes') }}

),

-- Day by day, so that the planner takes the index on days even where it expects many.
sequenced as (

    select
        samples.*,
        {{ max_heart_rate('profiles.age') }} as max_heart_rate
    from whole_days
    cross join
        lateral (
            select
                heart_rate.*,
                lead(heart_rate.timestamp) over in_order as next_timestamp,
                lead(heart_rate.bpm) over in_order as next_bpm,
                lead(heart_rate.source) over in_order as next_source
            from {{ ref('oura_heart_rate') }} as heart_rate
            where heart_rate.user_id = whole_days.user_id and heart_rate.date = whole_days.date
            window in_order as (order by heart_rate.timestamp, heart_rate.source)
        ) as samples
    left join {{ ref('oura_profile') }} as profiles on samples.user_id = profiles.user_id

),

-- A sample stands for the time until the next one, at most for Oura's usual five minutes: gaps are not exercise, dense
-- samples of a workout do not weigh more than its minutes, and two sources at one instant count once. A `live` sample
-- is a spot reading that the wearer asked for: it can show recovery after exercise, but is none itself.
weighed as (

    select
        *,
        width_bucket(bpm::numeric / max_heart_rate, array[0.5, 0.6, 0.7, 0.8, 0.9]) as zone,
        extract(epoch from least(coalesce(next_timestamp - timestamp, '5 minutes'), '5 minutes')) / 60 as minutes,
        case
            when
                source = 'workout' and next_source <> 'workout'
                and next_timestamp - timestamp <= interval '10 minutes'
                then bpm::bigint - next_bpm
        end as drop_after_exercise
    from sequenced

)

select
    user_id,
    date,
    min(bpm) as min_bpm,
    max(bpm) as max_bpm,
    round(avg(bpm), 1)::double precision as mean_bpm,
    round(sum(bpm * minutes) / nullif(sum(minutes), 0), 1)::double precision as time_weighted_mean_bpm,
    count(*)::integer as samples,
    round(sum(minutes), 1)::double precision as covered_minutes,
    min(bpm) filter (where source in ('sleep', 'rest')) as resting_bpm,
    round(avg(bpm) filter (where source = 'sleep'), 1)::double precision as mean_sleep_bpm,
    round(avg(bpm) filter (where source = 'rest'), 1)::double precision as mean_rest_bpm,
    round(avg(bpm) filter (where source = 'awake'), 1)::double precision as mean_awake_bpm,
    round(coalesce(sum(minutes) filter (where zone = 0), 0), 1)::double precision as below_zones_minutes,
    round(coalesce(sum(minutes) filter (where zone = 1), 0), 1)::double precision as zone_1_minutes,
    round(coalesce(sum(minutes) filter (where zone = 2), 0), 1)::double precision as zone_2_minutes,
    round(coalesce(sum(minutes) filter (where zone = 3), 0), 1)::double precision as zone_3_minutes,
    round(coalesce(sum(minutes) filter (where zone = 4), 0), 1)::double precision as zone_4_minutes,
    round(coalesce(sum(minutes) filter (where zone = 5), 0), 1)::double precision as zone_5_minutes,
    round(
        100 * (1 - avg(bpm) filter (where source = 'sleep') / nullif(avg(bpm) filter (where source = 'awake'), 0)), 1
    )::double precision as nocturnal_dip_percent,
    {{ as_integer('max(drop_after_exercise)') }} as recovery_bpm,
    max_heart_rate,
    max(changed_at) as changed_at
from weighed
group by user_id, date, max_heart_rate
