select 'uplift' as experiment_id, row_no as visitor_id, treatment as variant, date '2020-01-01' as exposed_at
from stg_uplift
