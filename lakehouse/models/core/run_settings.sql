with configured as (
    select
        max(as_of_date) as as_of_date,
        coalesce(max(business_time_zone), 'UTC') as business_time_zone,
        max(reporting_currency) as reporting_currency
    from meta_settings
),

orders as (
    select created_at, currency, _ingested_at from core_orders
),

events as (
    select max(created_at) as happened_at from orders
    union all
    select max(returned_at) as happened_at from core_returns
    union all
    select max(moved_at) as happened_at from core_inventory_movements
),

-- The web and the subscriptions tell the date only where there is no trade: a test file of another year
-- must not move the shop's as-of date.
other_events as (
    select max(occurred_at) as happened_at from core_web_events
    union all
    select max(exposed_at) as happened_at from core_experiment_exposures
    union all
    select max(booked_at) as happened_at from core_bookings
),

ingests as (
    select max(_ingested_at) as ingested_at from orders
    union all
    select max(_ingested_at) as ingested_at from core_order_items
    union all
    select max(_ingested_at) as ingested_at from core_returns
    union all
    select max(_ingested_at) as ingested_at from core_inventory_movements
    union all
    select max(_ingested_at) as ingested_at from core_customers
    union all
    select max(_ingested_at) as ingested_at from core_products
    union all
    select max(_ingested_at) as ingested_at from core_fx_rates
),

other_ingests as (
    select max(_ingested_at) as ingested_at from core_web_events
    union all
    select max(_ingested_at) as ingested_at from core_visitor_identities
    union all
    select max(_ingested_at) as ingested_at from core_experiment_exposures
    union all
    select max(_ingested_at) as ingested_at from core_bookings
),

trade as (
    select
        (select max(happened_at) from events) as happened_at,
        (select max(ingested_at) from ingests) as ingested_at
),

others as (
    select
        (select max(happened_at) from other_events) as happened_at,
        (select max(ingested_at) from other_ingests) as ingested_at
),

latest as (
    select
        coalesce(trade.happened_at, others.happened_at) as happened_at,
        case when trade.happened_at is null then others.ingested_at else trade.ingested_at end as ingested_at
    from trade
    cross join others
),

currency_counts as (
    select currency, count(*) as orders
    from orders
    where currency is not null
    group by currency
),

commonest_currency as (
    select max(currency) as currency
    from (select currency from currency_counts order by orders desc, currency limit 1) as first_currency
),

complete_days as (
    select
        cast(
            latest.happened_at at time zone 'UTC' at time zone configured.business_time_zone as date
        ) as last_event_date,
        -- The day of the last load may still be filling, so the day before it is the last complete one.
        cast(
            cast(
                latest.ingested_at at time zone 'UTC' at time zone configured.business_time_zone as date
            ) - interval 1 day as date
        ) as last_loaded_date
    from configured
    cross join latest
),

final as (
    select
        case
            when configured.as_of_date is not null then configured.as_of_date
            when complete_days.last_loaded_date < complete_days.last_event_date then complete_days.last_loaded_date
            else complete_days.last_event_date
        end as as_of_date,
        configured.as_of_date is not null as is_as_of_configured,
        configured.business_time_zone,
        coalesce(configured.reporting_currency, commonest_currency.currency) as reporting_currency
    from configured
    cross join complete_days
    cross join commonest_currency
)

select * from final
