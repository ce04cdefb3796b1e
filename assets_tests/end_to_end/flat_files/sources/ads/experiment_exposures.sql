select 'ads' as experiment_id, user_id as visitor_id, test_group as variant, timestamp '2020-01-01' as exposed_at
from stg_ads
