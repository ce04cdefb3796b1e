select 'game' as experiment_id, userid as visitor_id, version as variant, timestamp '2020-01-01' as exposed_at
from stg_game
