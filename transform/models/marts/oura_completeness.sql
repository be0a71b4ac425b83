{{ config(meta={'reads': 'news'}, indexes=[{'columns': ['changed_at']}]) }}

-- Years of days times collections, so an incremental build evaluates only days whose inputs changed.
with collections as (

    -- ends_after: how long after midnight a day of it ends. is_whole: one document, final as soon as it is there.
    -- is_worn: there is one on each day that the ring is worn.
    select * from (
        values
        ('daily_activity', interval '4 hours', false, true),
        ('daily_cardiovascular_age', interval '0', true, true),
        ('daily_readiness', interval '0', true, true),
        ('daily_resilience', interval '0', true, true),
        ('daily_sleep', interval '0', true, true),
        ('daily_spo2', interval '0', true, true),
        ('daily_stress', interval '0', false, true),
        ('enhanced_tag', interval '0', false, false),
        ('heartrate', interval '0', false, true),
        ('rest_mode_period', interval '0', false, false),
        ('ring_battery_level', interval '0', false, false),
        ('session', interval '0', false, false),
        ('sleep', interval '0', false, true),
        ('sleep_time', interval '0', true, true),
        ('tag', interval '0', false, false),
        ('vo2_max', interval '0', false, false),
        ('workout', interval '0', false, false)
    ) as listed (collection, ends_after, is_whole, is_worn)

),

read_days as not materialized (

    select
        user_id,
        collection,
        day,
        document_count,
        read_at,
        day::timestamp at time zone 'UTC' + interval '36 hours' as over_everywhere_at,
        changed_at
    from {{ ref('int_oura__collection_days') }}
    where {{ is_plausible('day') }}

),

requested as (

    select
        user_id,
        collection,
        -- A time series is read from the UTC day before on.
        min(case when collection in ('heartrate', 'ring_battery_level') then day + 1 else day end) as first_day,
        -- What people log by hand comes without the ring.
        max(day) filter (
            where
            document_count > 0
            and collection not in ('enhanced_tag', 'rest_mode_period', 'session', 'tag', 'workout')
        ) as newest_day
    from read_days
    group by user_id, collection

),

accounts as (

    select
        requested.user_id,
        min(requested.first_day) as first_day,
        coalesce(max(requested.newest_day), '-infinity') as newest_day,
        {{ var('now') }} at time zone 'UTC' as utc_now,
        {{ var('now') }} at time zone 'UTC' + coalesce(max(clocks.utc_offset), '0') as local_now
    from requested
    left join {{ ref('int_oura__utc_offsets') }} as clocks
        on requested.user_id = clocks.user_id and clocks.valid_until = 'infinity'
    group by requested.user_id

),

open_failures as (

    select
        failures.user_id,
        collections.collection,
        failures.collection = '*' as is_of_account,
        failures.reason,
        failures.failed_at,
        coalesce(failures.start_date, '-infinity') as start_date,
        coalesce(failures.end_date, 'infinity') as end_date
    -- Not from the mart: its test fails where something could not be read, and dbt then builds nothing on it.
    from {{ ref('stg_oura__collection_failures') }} as failures
    -- Of a whole account only what was requested fails; an older version of the tap did not list that.
    inner join collections
        on
            failures.collection = collections.collection
            or (
                failures.collection = '*'
                and collections.collection = any(
                    coalesce(string_to_array(failures.collections, ', '), array[collections.collection])
                )
            )
    where failures.recovered_at is null

),

days as (

    select
        accounts.*,
        series.day::date as date
    from accounts
    cross join lateral generate_series(accounts.first_day, accounts.local_now::date, interval '1 day') as series (day)

)

{%- if reads_news() %},

known as (

    select
        user_id,
        min(date) as first_day,
        max(date) as last_day
    from {{ this }}
    -- Each collection has the same days.
    where collection = 'daily_sleep'
    group by user_id

),

changed_days as (

    select
        user_id,
        day as date
    from {{ ref('int_oura__collection_days') }}
    where changed_at > {{ known_until() }}
    union distinct
    -- Time alone may end these, and a ring that is synced.
    select
        user_id,
        date
    from {{ this }}
    where status in ('in_progress', 'not_synced_yet')
    union distinct
    -- A failure that began, ended, or became another.
    select
        stored.user_id,
        stored.date
    from {{ this }} as stored
    left join open_failures as of_collection
        on
            stored.user_id = of_collection.user_id
            and stored.collection = of_collection.collection
            and not of_collection.is_of_account
            and stored.date between of_collection.start_date and of_collection.end_date
    left join open_failures as of_account
        on
            stored.user_id = of_account.user_id
            and stored.collection = of_account.collection
            and of_account.is_of_account
            and stored.date between of_account.start_date and of_account.end_date
    where
        stored.status in ('no_permission', 'our_failure', 'not_asked')
        and stored.reason is distinct from coalesce(of_collection.reason, of_account.reason)
    union distinct
    -- Days that are new or still open; and the newest day may have lost its data.
    select
        days.user_id,
        days.date
    from days
    left join known on days.user_id = known.user_id
    where
        known.user_id is null
        or days.date not between known.first_day and known.last_day
        or days.date > days.newest_day
        or days.date >= (days.utc_now - interval '2 days')::date

)

{%- endif %},

evaluated as (

    select * from days
    {%- if reads_news() %}
    where
        exists (
            select 1
            from changed_days
            where changed_days.user_id = days.user_id and changed_days.date = days.date
        )
    {%- endif %}

),

cells as (

    select
        evaluated.*,
        collections.collection,
        collections.is_whole,
        collections.is_worn,
        -- A day that was empty while it lasted is not known after that, and not while it can't be read again.
        case
            when
                read_days.document_count = 0
                and read_days.read_at < read_days.over_everywhere_at
                and (
                    read_days.over_everywhere_at <= {{ var('now') }}
                    or read_days.read_at < greatest(of_collection.failed_at, of_account.failed_at)
                )
                then null
            else read_days.document_count
        end as document_count,
        read_days.changed_at,
        requested.user_id is not null as is_asked,
        evaluated.date < (
            case
                when collections.collection in ('heartrate', 'ring_battery_level') then evaluated.utc_now
                else evaluated.local_now - collections.ends_after
            end
        )::date as is_over,
        -- The tap writes an empty day down once it is over everywhere on earth.
        evaluated.date >= (evaluated.utc_now - interval '36 hours')::date as is_recent,
        activity.non_wear_time,
        coalesce(of_collection.reason, of_account.reason) as failure
    from evaluated
    cross join collections
    left join read_days
        on
            evaluated.user_id = read_days.user_id
            and collections.collection = read_days.collection
            and evaluated.date = read_days.day
    left join requested on evaluated.user_id = requested.user_id and collections.collection = requested.collection
    left join {{ ref('oura_activity') }} as activity
        on evaluated.user_id = activity.user_id and evaluated.date = activity.date
    left join open_failures as of_collection
        on
            evaluated.user_id = of_collection.user_id
            and collections.collection = of_collection.collection
            and not of_collection.is_of_account
            and evaluated.date between of_collection.start_date and of_collection.end_date
    left join open_failures as of_account
        on
            evaluated.user_id = of_account.user_id
            and collections.collection = of_account.collection
            and of_account.is_of_account
            and evaluated.date between of_account.start_date and of_account.end_date

),

-- The first that holds. What was read comes before what failed: a day that is there stays, whatever fails later.
statuses as (

    select
        *,
        case
            when document_count > 0 and (is_over or is_whole) then 'present'
            when document_count >= 0 and not is_over then 'in_progress'
            -- From here to `nothing_at_oura`: read whole, over, and empty.
            when document_count = 0 and date > newest_day then 'not_synced_yet'
            -- Worn for less than an hour.
            when document_count = 0 and is_worn and non_wear_time > 82800 then 'ring_not_worn'
            when document_count = 0 then 'nothing_at_oura'
            -- From here on: never read whole.
            when failure in ('scope', 'membership', 'consent') then 'no_permission'
            when failure is not null then 'our_failure'
            when is_asked and (is_recent or not is_over) then 'in_progress'
            else 'not_asked'
        end as status
    from cells

)

select
    user_id,
    collection,
    date,
    status,
    case
        when status in ('no_permission', 'our_failure') then failure
        when status = 'ring_not_worn' then 'not worn for ' || round(non_wear_time / 3600.0, 1) || ' h'
        when status = 'not_synced_yet' and newest_day > '-infinity' then 'newest data is of ' || newest_day
    end as reason,
    changed_at
from statuses
