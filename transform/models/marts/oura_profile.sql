select distinct on (user_id)
    user_id,
    profile_id,
    age_years as age,
    weight_kilograms as weight,
    height_meters as height,
    biological_sex,
    email
from {{ ref('stg_oura__personal_info') }}
order by user_id asc, loaded_at desc, profile_id desc
