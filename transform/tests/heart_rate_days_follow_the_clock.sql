{{ config(tags=['daily']) }}

-- Samples get their date when they arrive and again when the wearer's UTC offset becomes known; this recomputes all.
select
    samples.user_id,
    samples.timestamp,
    samples.date
from {{ ref('oura_heart_rate') }} as samples
left join {{ ref('int_oura__utc_offsets') }} as utc_offsets
    on
        samples.user_id = utc_offsets.user_id
        and samples.timestamp >= utc_offsets.valid_from
        and samples.timestamp < utc_offsets.valid_until
where samples.date <> (samples.timestamp at time zone 'UTC' + coalesce(utc_offsets.utc_offset, '0'))::date
