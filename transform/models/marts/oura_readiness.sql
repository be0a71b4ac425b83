with readiness as (

    {{ latest_per_day('daily_readiness', ['score']) }}

),

main_sleeps as (

    select * from {{ ref('oura_sleep_periods') }}
    where is_main_sleep

)

select
    readiness.user_id,
    readiness.day as date,
    main_sleeps.average_hrv as hrv,
    main_sleeps.lowest_heart_rate as resting_heart_rate,
    {{ taken('oura_readiness', 'stg_oura__daily_readiness', 'readiness') }}
from readiness
left join main_sleeps on readiness.user_id = main_sleeps.user_id and readiness.day = main_sleeps.date
