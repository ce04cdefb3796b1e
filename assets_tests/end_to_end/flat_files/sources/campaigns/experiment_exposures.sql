select 'campaigns' as experiment_id, campaign_day as visitor_id, campaign as variant, day as exposed_at
from campaigns_days
