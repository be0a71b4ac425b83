{{ config(
    meta={'reads': 'news'},
    indexes=[{'columns': ['changed_at']}],
    pre_hook="{{ forget_gone_samples('ring_battery_level') }}"
) }}

-- Dozens to hundreds of rows a day and account, so it reads new rows only.
{{ local_samples('ring_battery_level', taken_columns()['oura_ring_battery']['stg_oura__ring_battery_level'] | list) }}
