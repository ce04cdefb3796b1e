select
    campaign || ' ' || cast(day as varchar) as campaign_day,
    campaign,
    day,
    impressions,
    purchases
from stg_campaigns
