{{ config(
    meta={'reads': 'news'},
    indexes=[{'columns': ['user_id', 'date']}, {'columns': ['changed_at']}],
    pre_hook="{{ forget_gone_samples('heartrate', key=['source']) }}"
) }}

-- Hundreds of rows a day and account, so it reads new rows only.
{{ local_samples('heartrate', taken_columns()['oura_heart_rate']['stg_oura__heartrate'] | list, key=['source']) }}
