{{ config(tags=['daily']) }}

{% set lags = [1, 2, 3, 7] %}

-- Only days that were read from the start show how long they changed: a day that was first read later may have settled
-- before. The account's newest read counts as now, so that the clock alone changes nothing.
with accounts as (

    select
        user_id,
        max(read_at) as newest_read_at
    from {{ ref('int_oura__collection_days') }}
    group by user_id

),

days as (

    select
        *,
        (day + 1)::timestamp at time zone 'UTC' as ends_at
    from {{ ref('int_oura__collection_days') }}
    where day > '-infinity'

),

read_days as (

    select
        days.user_id,
        days.collection,
        days.first_read_at <= days.ends_at + interval '1 day' as is_watched,
        case
            when days.moved_at > days.first_read_at then greatest(days.moved_at - days.ends_at, '0')
            else '0'
        end as moved_for,
        accounts.newest_read_at - days.ends_at as watched_for
    from days
    inner join accounts on days.user_id = accounts.user_id

)

select
    user_id,
    collection,
    count(*)::integer as days,
    {%- for lag in lags %}
    round(
        avg((moved_for > interval '{{ lag }} days')::integer) filter (where watched_for > interval '{{ lag }} days'), 3
    )::double precision as changed_after_{{ lag }}_day{{ 's' if lag > 1 }},
    {%- endfor %}
    round(extract(epoch from max(moved_for)) / 86400, 1)::double precision as longest_lag_days
from read_days
where is_watched and watched_for > '0'
group by user_id, collection
