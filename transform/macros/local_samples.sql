{#-
    Samples with the wearer's own day. `columns` are the values beside account and instant; `key` names those of them that
    belong to the key. An incremental build reads samples loaded since the last one, and stored samples whose day may
    have changed with the wearer's UTC offset. Changes of the day ledger count as changes too.
-#}
{% macro local_samples(collection, columns, key=[]) -%}
with utc_offsets as (

    select * from {{ ref('int_oura__utc_offsets') }}

),

{#- Without `offset 0` the planner would read the text of each instant once more for each condition on it. #}
loaded as (

    select
        user_id,
        recorded_at as timestamp,
        {%- for column in columns %}
        {{ column }},
        {%- endfor %}
        loaded_at as changed_at
    from {{ ref('stg_oura__' ~ collection) }}
    {%- if reads_news() %}
    where loaded_at > {{ known_until() }}
    {%- endif %}
    offset 0

),

samples as (

    select * from loaded
    where
        timestamp is not null
        {%- for column in ['user_id'] + key %}
        and {{ column }} is not null
        {%- endfor %}
    {%- if reads_news() %}
    union all
    select
        stored.user_id,
        stored.timestamp,
        {%- for column in columns %}
        stored.{{ column }},
        {%- endfor %}
        stored.changed_at
    from {{ this }} as stored
    inner join utc_offsets
        on
            stored.user_id = utc_offsets.user_id
            and stored.timestamp >= utc_offsets.valid_from
            and stored.timestamp < utc_offsets.valid_until
    where utc_offsets.changed_at > {{ known_until() }}
    {%- endif %}

),

{#- A stored sample that was loaded again appears here twice, and so does one whose instant was sent in two formats. #}
latest as (

    select distinct on (user_id, timestamp{% for column in key %}, {{ column }}{% endfor %}) *
    from samples
    order by user_id, timestamp{% for column in key %}, {{ column }}{% endfor %}, changed_at desc

)

select
    latest.user_id,
    latest.timestamp,
    {%- for column in columns %}
    latest.{{ column }},
    {%- endfor %}
    (latest.timestamp at time zone 'UTC' + coalesce(utc_offsets.utc_offset, '0'))::date as date,
    greatest(latest.changed_at, utc_offsets.changed_at, read_days.changed_at) as changed_at
from latest
left join {{ ref('int_oura__collection_days') }} as read_days
    on
        latest.user_id = read_days.user_id
        and read_days.collection = '{{ collection }}'
        and read_days.day = (latest.timestamp at time zone 'UTC')::date
left join utc_offsets
    on
        latest.user_id = utc_offsets.user_id
        and latest.timestamp >= utc_offsets.valid_from
        and latest.timestamp < utc_offsets.valid_until
{%- endmacro %}
