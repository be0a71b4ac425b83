with tags as (

    select
        user_id,
        document_id as id,
        'enhanced_tag' as collection,
        start_day as date,
        end_day as end_date,
        tag_type_code,
        custom_name,
        comment,
        case when tag_type_code is not null then jsonb_build_array(tag_type_code) end as tag_codes,
        start_at,
        end_at,
        start_local,
        end_local,
        start_utc_offset,
        end_utc_offset
    from {{ ref('stg_oura__enhanced_tag') }}

),

old_tags as (

    select
        user_id,
        document_id as id,
        'tag' as collection,
        day as date,
        null::date as end_date,
        tags ->> 0 as tag_type_code,
        null as custom_name,
        text as comment,
        tags as tag_codes,
        recorded_at as start_at,
        null::timestamptz as end_at,
        recorded_local as start_local,
        null::timestamp as end_local,
        recorded_utc_offset as start_utc_offset,
        null::interval as end_utc_offset
    from {{ ref('stg_oura__tag') }}

)

select * from tags
union all
select * from old_tags
