select 'nsw' as experiment_id, person as visitor_id, treat as variant, timestamp '1976-01-01' as exposed_at
from stg_nsw
