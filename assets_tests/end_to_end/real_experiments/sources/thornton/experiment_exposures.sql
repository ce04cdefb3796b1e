-- The file tells no times: all were offered it when the trial began.
select
    'thornton' as experiment_id,
    person as visitor_id,
    case when has_incentive then 'incentive' else 'none' end as variant,
    timestamp '2004-11-01' as exposed_at
from stg_thornton_hiv
where has_incentive is not null
