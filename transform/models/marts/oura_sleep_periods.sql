with periods as (

    select
        *,
        -- An unfinished night has no end yet; its time in bed shows how far it reaches.
        coalesce(
            bedtime_end_at,
            bedtime_start_at + make_interval(secs => coalesce(time_in_bed, 0))
        ) as reaches_to,
        coalesce(type in ('long_sleep', 'sleep', 'late_nap'), false) as is_counted_type
    from {{ ref('stg_oura__sleep') }}

),

-- Oura re-creates a night under a new id now and then. Of two counted periods of a day that share more than half of the
-- shorter one, only one may count: the one received last, else the longer one.
superseded as (

    select distinct
        periods.user_id,
        periods.document_id
    from periods
    inner join periods as others
        on
            periods.user_id = others.user_id
            and periods.day = others.day
            and periods.document_id <> others.document_id
            and periods.bedtime_start_at < others.reaches_to
            and periods.reaches_to > others.bedtime_start_at
    where
        periods.is_counted_type
        and others.is_counted_type
        and least(periods.reaches_to, others.reaches_to) - greatest(periods.bedtime_start_at, others.bedtime_start_at)
        > least(periods.reaches_to - periods.bedtime_start_at, others.reaches_to - others.bedtime_start_at) / 2
        and (periods.loaded_at, coalesce(periods.total_sleep_duration, -1), periods.document_id)
        < (others.loaded_at, coalesce(others.total_sleep_duration, -1), others.document_id)

),

counted as (

    select
        periods.*,
        superseded.document_id is not null as is_superseded,
        periods.is_counted_type and superseded.document_id is null as counts_toward_day
    from periods
    left join superseded
        on periods.user_id = superseded.user_id and periods.document_id = superseded.document_id

),

ranked as (

    select
        *,
        row_number() over (
            partition by user_id, day, counts_toward_day and type = 'long_sleep'
            order by total_sleep_duration desc nulls last, bedtime_start_at asc, document_id asc
        ) as position_in_day
    from counted

)

select
    user_id,
    day as date,
    counts_toward_day and type = 'long_sleep' and position_in_day = 1 as is_main_sleep,
    counts_toward_day,
    is_superseded,
    {{ taken('oura_sleep_periods', 'stg_oura__sleep') }}
from ranked
