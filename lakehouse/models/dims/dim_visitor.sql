with sessions as (
    select
        session_id, visitor_id, started_at, device, browser, country, region, traffic_source, is_bot, is_internal
    from fct_web_sessions
),

links as (
    select visitor_id, customer_id, linked_at from core_visitor_identities
),

exposures as (
    select visitor_id, exposed_at from core_experiment_exposures
),

ranked_sessions as (
    select
        *,
        row_number() over (partition by visitor_id order by started_at, session_id) as position
    from sessions
),

-- What is known before anything was tried on the visitor: the first session, and only then the others.
session_visitors as (
    select
        visitor_id,
        min(started_at) as seen_at,
        coalesce(max(device) filter (where position = 1), min(device)) as device,
        coalesce(max(browser) filter (where position = 1), min(browser)) as browser,
        coalesce(max(country) filter (where position = 1), min(country)) as country,
        coalesce(max(region) filter (where position = 1), min(region)) as region,
        coalesce(max(traffic_source) filter (where position = 1), min(traffic_source)) as traffic_source,
        bool_or(is_bot) as is_bot,
        bool_or(is_internal) as is_internal
    from ranked_sessions
    group by visitor_id
),

ranked_links as (
    select
        visitor_id,
        customer_id,
        linked_at,
        row_number() over (partition by visitor_id order by linked_at, customer_id) as position
    from links
),

first_links as (
    select visitor_id, customer_id, linked_at from ranked_links where position = 1
),

first_exposures as (
    select visitor_id, min(exposed_at) as exposed_at
    from exposures
    group by visitor_id
),

visitors as (
    select visitor_id from session_visitors
    union
    select visitor_id from first_links
    union
    select visitor_id from first_exposures
),

final as (
    select
        visitors.visitor_id,
        first_links.customer_id,
        least(session_visitors.seen_at, first_links.linked_at, first_exposures.exposed_at) as first_seen_at,
        session_visitors.device,
        session_visitors.browser,
        session_visitors.country,
        session_visitors.region,
        session_visitors.traffic_source,
        coalesce(session_visitors.is_bot, false) as is_bot,
        coalesce(session_visitors.is_internal, false) as is_internal
    from visitors
    left join session_visitors
        on visitors.visitor_id = session_visitors.visitor_id
    left join first_links
        on visitors.visitor_id = first_links.visitor_id
    left join first_exposures
        on visitors.visitor_id = first_exposures.visitor_id
)

select * from final
