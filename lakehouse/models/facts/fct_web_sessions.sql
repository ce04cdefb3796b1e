with events as (
    select
        session_id, visitor_id, event_id, occurred_at, kind, device, browser, country, region, traffic_source
    from core_web_events
),

settings as (
    select business_time_zone from run_settings
),

links as (
    select visitor_id, customer_id, linked_at from core_visitor_identities
),

placed as (
    select
        *,
        row_number() over (partition by session_id order by occurred_at, event_id) as position
    from events
),

-- A session is told by its first event; what that one does not say, its other events do.
sessions as (
    select
        session_id,
        max(visitor_id) filter (where position = 1) as visitor_id,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        coalesce(max(device) filter (where position = 1), min(device)) as device,
        coalesce(max(browser) filter (where position = 1), min(browser)) as browser,
        coalesce(max(country) filter (where position = 1), min(country)) as country,
        coalesce(max(region) filter (where position = 1), min(region)) as region,
        coalesce(max(traffic_source) filter (where position = 1), min(traffic_source)) as traffic_source,
        count(*) filter (where kind = 'page_view') as page_views,
        count(*) filter (where kind = 'signup') as signups,
        count(*) filter (where kind = 'activation') as activations,
        count(*) filter (where kind = 'add_to_cart') as carts,
        count(*) filter (where kind = 'checkout') as checkouts,
        count(*) filter (where kind = 'purchase') as purchases
    from placed
    group by session_id
),

ranked_links as (
    select
        visitor_id,
        customer_id,
        row_number() over (partition by visitor_id order by linked_at, customer_id) as position
    from links
),

first_links as (
    select visitor_id, customer_id from ranked_links where position = 1
),

final as (
    select
        sessions.session_id,
        sessions.visitor_id,
        first_links.customer_id,
        sessions.started_at,
        sessions.ended_at,
        cast(
            sessions.started_at at time zone 'UTC' at time zone settings.business_time_zone as date
        ) as session_date,
        cast(
            date_trunc(
                'week',
                cast(sessions.started_at at time zone 'UTC' at time zone settings.business_time_zone as date)
            ) as date
        ) as session_week,
        sessions.device,
        sessions.browser,
        sessions.country,
        sessions.region,
        sessions.traffic_source,
        sessions.page_views,
        sessions.signups,
        sessions.activations,
        sessions.carts,
        sessions.checkouts,
        sessions.purchases,
        coalesce(
            lower(sessions.device) in ('bot', 'crawler', 'spider')
            or regexp_matches(lower(sessions.browser), 'bot|crawler|spider|headless'),
            false
        ) as is_bot,
        coalesce(lower(sessions.traffic_source) = 'internal', false) as is_internal
    from sessions
    cross join settings
    left join first_links
        on sessions.visitor_id = first_links.visitor_id
)

select * from final
