with settings as (
    select as_of_date, business_time_zone from run_settings
),

event_times as (
    select min(created_at) as first_at, max(created_at) as last_at from core_orders
    union all
    select min(delivered_at) as first_at, max(delivered_at) as last_at from core_orders
    union all
    select min(returned_at) as first_at, max(returned_at) as last_at from core_returns
    union all
    select min(moved_at) as first_at, max(moved_at) as last_at from core_inventory_movements
    union all
    select min(occurred_at) as first_at, max(occurred_at) as last_at from core_web_events
    union all
    select min(booked_at) as first_at, max(booked_at) as last_at from core_bookings
),

span as (
    select min(first_at) as first_at, max(last_at) as last_at from event_times
),

business_span as (
    select
        cast(span.first_at at time zone 'UTC' at time zone settings.business_time_zone as date) as first_date,
        cast(span.last_at at time zone 'UTC' at time zone settings.business_time_zone as date) as last_date,
        settings.as_of_date
    from span
    cross join settings
),

whole_years as (
    select
        date_trunc('year', least(first_date, as_of_date)) as first_day,
        -- A delivery may be dated after the as-of date; its day needs a row too.
        date_trunc('year', greatest(last_date, as_of_date)) + interval 1 year - interval 1 day as last_day
    from business_span
),

days as (
    select cast(unnest(generate_series(first_day, last_day, interval 1 day)) as date) as date
    from whole_years
),

final as (
    select
        cast(year(date) * 10000 + month(date) * 100 + day(date) as integer) as date_key,
        date,
        cast(extract(week from date) as integer) as iso_week,
        cast(month(date) as integer) as month,
        cast(quarter(date) as integer) as quarter,
        cast(year(date) as integer) as year,
        cast(extract(isodow from date) as integer) as day_of_week,
        extract(isodow from date) in (6, 7) as is_weekend,
        date = last_day(date) as is_month_end
    from days
)

select * from final
