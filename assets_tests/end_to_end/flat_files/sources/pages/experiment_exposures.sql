select 'pages' as experiment_id, user_id as visitor_id, variant, seen_at as exposed_at
from stg_pages
where (variant = 'treatment') = (landing_page = 'new_page')
