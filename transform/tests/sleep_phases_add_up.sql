{{ config(severity='warn') }}

-- The phases are Oura's own figures; a minute is left for its rounding.
select
    user_id,
    id
from {{ ref('oura_sleep_periods') }}
where counts_toward_day and abs(rem_sleep::bigint + deep_sleep + light_sleep - total_sleep) > 60
