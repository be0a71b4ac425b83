select
    user_id,
    ring_id as id,
    color,
    design,
    hardware_type,
    firmware_version,
    us_ring_size as size,
    set_up_at,
    row_number() over (partition by user_id order by set_up_at desc nulls last, ring_id desc) = 1 as is_current
from {{ ref('stg_oura__ring_configuration') }}
