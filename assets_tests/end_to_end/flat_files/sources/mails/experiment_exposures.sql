select 'mails' as experiment_id, row_no as visitor_id, segment as variant, timestamp '2008-03-20' as exposed_at
from stg_mails
