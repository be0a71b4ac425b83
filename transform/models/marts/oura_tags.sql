-- What a tag of the old kind has under another name; the rest is null there.
{% set of_old_tags = {
    'id': 'document_id', 'tag_type_code': 'tags ->> 0', 'comment': 'text',
    'start_at': 'recorded_at', 'start_local': 'recorded_local', 'start_utc_offset': 'recorded_utc_offset'
} %}

select
    user_id,
    'enhanced_tag' as collection,
    start_day as date,
    end_day as end_date,
    {{ taken('oura_tags', 'stg_oura__enhanced_tag') }},
    case when tag_type_code is not null then jsonb_build_array(tag_type_code) end as tag_codes
from {{ ref('stg_oura__enhanced_tag') }}
union all
select
    user_id,
    'tag' as collection,
    day as date,
    null as end_date,
    {%- for name in taken_columns()['oura_tags']['stg_oura__enhanced_tag'] %}
    {{ of_old_tags.get(name, 'null') }} as {{ name }},
    {%- endfor %}
    tags as tag_codes
from {{ ref('stg_oura__tag') }}
