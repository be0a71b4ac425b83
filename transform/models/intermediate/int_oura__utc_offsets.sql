-- Heart-rate and battery samples carry no local time. Documents do: each end of a sleep and each start of an activity
-- day says what the wearer's clock was at that moment. A sample belongs to the nearest of them, so where the clock
-- moved the border lies halfway between the last old and the first new one.
with readings as (

    select
        user_id,
        recorded_at as read_at,
        recorded_utc_offset as utc_offset,
        loaded_at
    from {{ ref('stg_oura__daily_activity') }}
    union all
    select
        sleep.user_id,
        ends.read_at,
        ends.utc_offset,
        sleep.loaded_at
    from {{ ref('stg_oura__sleep') }} as sleep
    cross join
        lateral (
            values
            (sleep.bedtime_start_at, sleep.bedtime_start_utc_offset),
            (sleep.bedtime_end_at, sleep.bedtime_end_utc_offset)
        ) as ends (read_at, utc_offset)

),

distinct_readings as (

    select distinct on (user_id, read_at) *
    from readings
    where read_at is not null and utc_offset is not null
    order by user_id asc, read_at asc, loaded_at desc, utc_offset asc

),

compared as (

    select
        user_id,
        read_at,
        utc_offset,
        max(loaded_at) over (partition by user_id) as changed_at,
        lag(read_at) over (partition by user_id order by read_at) as previous_read_at,
        lag(utc_offset) over (partition by user_id order by read_at) as previous_utc_offset
    from distinct_readings

),

moves as (

    select
        user_id,
        utc_offset,
        changed_at,
        coalesce(read_at - (read_at - previous_read_at) / 2, '-infinity') as valid_from
    from compared
    where previous_utc_offset is distinct from utc_offset

)

select
    user_id,
    valid_from,
    lead(valid_from, 1, 'infinity'::timestamptz) over (partition by user_id order by valid_from) as valid_until,
    utc_offset,
    changed_at
from moves
