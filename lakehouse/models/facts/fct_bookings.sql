with bookings as (
    select
        booking_id, source, customer_id, booked_at, package, kind, monthly_recurring_revenue, amount
    from core_bookings
),

settings as (
    select business_time_zone from run_settings
),

final as (
    select
        bookings.booking_id,
        bookings.source,
        bookings.customer_id,
        bookings.booked_at,
        cast(
            bookings.booked_at at time zone 'UTC' at time zone settings.business_time_zone as date
        ) as booking_date,
        bookings.package,
        bookings.kind,
        cast(coalesce(bookings.monthly_recurring_revenue, 0) as decimal(18, 4)) as monthly_recurring_revenue,
        cast(coalesce(bookings.amount, 0) as decimal(18, 4)) as amount
    from bookings
    cross join settings
)

select * from final
