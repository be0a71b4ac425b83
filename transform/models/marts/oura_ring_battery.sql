{{ config(meta={'reads': 'news'}, indexes=[{'columns': ['changed_at']}]) }}

-- Dozens to hundreds of rows a day and account, so it reads news only.
{{ local_samples(ref('stg_oura__ring_battery_level'), ['level', 'charging', 'in_charger']) }}
