-- From an account's first day to its last no day is missing.
select user_id
from {{ ref('oura_daily') }}
group by user_id
having count(*) <> max(date) - min(date) + 1
