{{ config(meta={'reads': 'news'}, indexes=[{'columns': ['changed_at']}]) }}

-- The ledger's truth of today. Its history grows by the hour, so days with news are read, and what was known of them.
with news as (

    select
        user_id,
        collection,
        coalesce(day, '-infinity') as day,
        document_ids,
        document_count,
        digest,
        read_at,
        rewritten_at,
        null::timestamptz as gone_before,
        null::bigint as gone_count,
        read_at as first_read_at,
        null::timestamptz as moved_at,
        loaded_at as changed_at
    from {{ ref('stg_oura__collection_days') }}
    {%- if reads_news() %}
    where loaded_at > {{ known_until() }}
    {%- endif %}

),

days_with_news as (

    select distinct
        user_id,
        collection,
        day
    from news

),

readings as (

    select * from news
    {%- if reads_news() %}
    union all
    select
        stored.user_id,
        stored.collection,
        stored.day,
        stored.document_ids,
        stored.document_count,
        stored.digest,
        stored.read_at,
        stored.rewritten_at,
        stored.gone_before,
        stored.gone_count,
        stored.first_read_at,
        stored.moved_at,
        stored.changed_at
    from {{ this }} as stored
    inner join days_with_news
        on
            stored.user_id = days_with_news.user_id
            and stored.collection = days_with_news.collection
            and stored.day = days_with_news.day
    {%- endif %}

),

-- A day that was only sent again has the digest that it had.
compared as (

    select
        *,
        lag(digest) over (partition by user_id, collection, day order by read_at) as previous_digest
    from readings

),

days as (

    select distinct on (user_id, collection, day)
        user_id,
        collection,
        day,
        document_ids,
        document_count,
        digest,
        read_at,
        max(rewritten_at) over of_the_day as rewritten_at,
        max(gone_before) over of_the_day as gone_before,
        max(gone_count) over of_the_day as gone_count,
        min(first_read_at) over of_the_day as first_read_at,
        max(coalesce(moved_at, case when digest is distinct from previous_digest then read_at end))
            over of_the_day as moved_at,
        max(changed_at) over of_the_day as changed_at
    from compared
    window of_the_day as (partition by user_id, collection, day)
    order by user_id asc, collection asc, day asc, read_at desc

),

rewritten as (

    select
        *,
        document_ids is null and day > '-infinity' and rewritten_at > coalesce(gone_before, '-infinity') as is_due
    from days

)

-- The loader commits each table by itself: what was sent before a rewriting is gone only once all of it has arrived.
select
    rewritten.user_id,
    rewritten.collection,
    rewritten.day,
    rewritten.document_ids,
    rewritten.document_count,
    rewritten.digest,
    rewritten.read_at,
    rewritten.rewritten_at,
    case
        when rewritten.is_due and samples.arrived_count = rewritten.document_count then rewritten.rewritten_at
        else rewritten.gone_before
    end as gone_before,
    case
        when rewritten.is_due and samples.arrived_count = rewritten.document_count then samples.earlier_count
        else rewritten.gone_count
    end as gone_count,
    rewritten.first_read_at,
    rewritten.moved_at,
    rewritten.changed_at
from rewritten
cross join lateral (
    select
        count(*) filter (where every_sample.sent_at >= rewritten.rewritten_at) as arrived_count,
        count(*) filter (where every_sample.sent_at < rewritten.rewritten_at) as earlier_count
    from (
        {% for collection in ['heartrate', 'ring_battery_level'] -%}
        select source._sdc_extracted_at at time zone 'UTC' as sent_at
        from {{ raw(collection, alias='source') }}
        where
            rewritten.is_due
            and rewritten.collection = '{{ collection }}'
            and {{ samples_of('rewritten') }}
        {{ 'union all' if not loop.last }}
        {% endfor %}
    ) as every_sample
) as samples
