with readiness as (

    {{ latest_per_day('daily_readiness', ['readiness_score']) }}

),

main_sleeps as (

    select * from {{ ref('oura_sleep_periods') }}
    where is_main_sleep

)

select
    readiness.user_id,
    readiness.day as date,
    readiness.readiness_score,
    readiness.temperature_deviation_celsius as temperature_deviation,
    readiness.temperature_trend_deviation_celsius as temperature_trend_deviation,
    main_sleeps.average_hrv as hrv,
    main_sleeps.lowest_heart_rate as resting_heart_rate,
    readiness.contributor_activity_balance,
    readiness.contributor_body_temperature,
    readiness.contributor_hrv_balance,
    readiness.contributor_previous_day_activity,
    readiness.contributor_previous_night,
    readiness.contributor_recovery_index,
    readiness.contributor_resting_heart_rate,
    readiness.contributor_sleep_balance,
    readiness.contributor_sleep_regularity,
    readiness.document_id
from readiness
left join main_sleeps on readiness.user_id = main_sleeps.user_id and readiness.day = main_sleeps.date
