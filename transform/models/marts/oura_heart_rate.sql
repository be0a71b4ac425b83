{{ config(meta={'reads': 'news'}, indexes=[{'columns': ['user_id', 'date']}, {'columns': ['changed_at']}]) }}

-- Hundreds of rows a day and account, so it reads news only.
{{ local_samples(ref('stg_oura__heartrate'), ['source', 'bpm'], key=['source']) }}
