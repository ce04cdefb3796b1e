select 'shop_promotions' as experiment_id, location_id as visitor_id, promotion as variant, timestamp '2020-01-01' as exposed_at
from stg_shop_promotions
