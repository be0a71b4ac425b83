{{ config(meta={'reads': 'news'}, indexes=[{'columns': ['changed_at']}]) }}

-- Each version of a day beside the one that it replaced. What was not known before is no revision.
select
    later.user_id,
    later.date,
    measures.collection,
    measures.measure,
    measures.old_value,
    measures.new_value,
    later.dbt_valid_from::timestamptz as learned_at,
    later.dbt_valid_from::timestamptz as changed_at
from {{ ref('snap_oura__daily') }} as later
inner join {{ ref('snap_oura__daily') }} as earlier
    on
        later.user_id = earlier.user_id
        and later.date = earlier.date
        and later.dbt_valid_from = earlier.dbt_valid_to
cross join
    lateral (
        values
        {% for collection, name in revised_measures() -%}
        ('{{ collection }}', '{{ name }}', earlier.{{ name }}::double precision, later.{{ name }}::double precision)
        {{- ',' if not loop.last }}
        {% endfor %}
    ) as measures (collection, measure, old_value, new_value)
where
    measures.old_value is not null
    and measures.old_value is distinct from measures.new_value
    {%- if reads_news() %}
    and later.dbt_valid_from::timestamptz > {{ known_until() }}
    {%- endif %}
