select 'events' as experiment_id, user_no as visitor_id, variant, seen_at as exposed_at
from stg_events
where kind = 'view'
