with settings as (
    select as_of_date from run_settings
),

all_orders as (
    select
        order_id, customer_id, order_date, delivered_date, units, gross_revenue, discount, tax,
        is_revenue, is_purchase, is_first_order, is_unconverted
    from fct_orders
),

all_returns as (
    select order_id, return_date, quantity, refund_amount, is_counted, is_unconverted from fct_returns
),

event_dates as (
    select min(order_date) as first_date, max(order_date) as last_date from all_orders
    union all
    select min(delivered_date) as first_date, max(delivered_date) as last_date from all_orders
    union all
    select min(return_date) as first_date, max(return_date) as last_date from all_returns
),

span as (
    select min(event_dates.first_date) as first_date, max(event_dates.last_date) as last_date from event_dates
),

calendar as (
    select
        cast(
            unnest(
                generate_series(span.first_date, greatest(span.last_date, settings.as_of_date), interval 1 day)
            ) as date
        ) as date
    from span
    cross join settings
    where span.first_date is not null
),

sales as (
    select
        order_date,
        count(*) filter (where is_purchase and not is_unconverted) as orders,
        count(*) filter (where is_unconverted) as unconverted_orders,
        sum(units) filter (where not is_unconverted) as units,
        sum(gross_revenue) as gross_revenue,
        sum(discount) as discount,
        sum(tax) as tax,
        count(*) filter (where is_first_order) as new_customers,
        count(distinct customer_id) filter (where is_purchase) as customers
    from all_orders
    where is_revenue
    group by order_date
),

booked_orders as (
    select
        order_id,
        gross_revenue - discount - tax as booked,
        case
            when delivered_date < order_date then order_date
            else delivered_date
        end as delivery_day
    from all_orders
    where is_revenue and not is_unconverted
),

refunds as (
    select
        all_returns.return_date,
        all_returns.quantity,
        all_returns.refund_amount,
        booked_orders.delivery_day,
        coalesce(all_returns.return_date >= booked_orders.delivery_day, false) as is_after_delivery
    from all_returns
    inner join booked_orders
        on all_returns.order_id = booked_orders.order_id
    where all_returns.is_counted and not all_returns.is_unconverted
),

daily_refunds as (
    select
        return_date,
        sum(quantity) as units_returned,
        sum(refund_amount) as refund,
        sum(case when is_after_delivery then refund_amount else 0 end) as refund_after_delivery,
        sum(case when is_after_delivery then 0 else refund_amount end) as refund_before_delivery
    from refunds
    group by return_date
),

refunded_before_delivery as (
    select delivery_day, sum(refund_amount) as refund
    from refunds
    where delivery_day is not null and not is_after_delivery
    group by delivery_day
),

deliveries as (
    select delivery_day, sum(booked) as booked
    from booked_orders
    where delivery_day is not null
    group by delivery_day
),

flows as (
    select
        calendar.date,
        coalesce(sales.orders, 0) as orders,
        coalesce(sales.unconverted_orders, 0) as unconverted_orders,
        coalesce(sales.units, 0) as units,
        coalesce(sales.gross_revenue, 0) as gross_revenue,
        coalesce(sales.discount, 0) as discount,
        coalesce(sales.tax, 0) as tax,
        coalesce(sales.new_customers, 0) as new_customers,
        coalesce(sales.customers, 0) as customers,
        coalesce(daily_refunds.units_returned, 0) as units_returned,
        coalesce(daily_refunds.refund, 0) as refund,
        coalesce(daily_refunds.refund_after_delivery, 0) as refund_after_delivery,
        coalesce(daily_refunds.refund_before_delivery, 0) as refund_before_delivery,
        coalesce(deliveries.booked, 0) - coalesce(refunded_before_delivery.refund, 0) as delivered_revenue
    from calendar
    left join sales
        on calendar.date = sales.order_date
    left join daily_refunds
        on calendar.date = daily_refunds.return_date
    left join deliveries
        on calendar.date = deliveries.delivery_day
    left join refunded_before_delivery
        on calendar.date = refunded_before_delivery.delivery_day
),

-- The calendar has no gaps, so 90 rows are 90 days.
trailing_sums as (
    select
        date,
        delivered_revenue,
        cast(
            10000 * sum(refund) over (order by date rows between 90 preceding and 1 preceding) as hugeint
        ) as trailing_refund,
        cast(
            10000 * sum(delivered_revenue) over (order by date rows between 90 preceding and 1 preceding) as hugeint
        ) as trailing_delivered
    from flows
),

expected_rates as (
    select
        date,
        delivered_revenue,
        case
            when trailing_refund is null or trailing_refund <= 0 or trailing_delivered <= 0 then 0
            when trailing_refund >= trailing_delivered then 1
            else cast(
                cast(
                    (2 * 100000000 * trailing_refund + trailing_delivered) // (2 * trailing_delivered)
                    as decimal(18, 0)
                ) * 0.00000001 as decimal(18, 8)
            )
        end as expected_rate
    from trailing_sums
),

reserves as (
    select
        date as delivery_day,
        cast(
            round(cast(expected_rate as decimal(10, 8)) * cast(delivered_revenue as decimal(28, 4)), 4)
            as decimal(18, 4)
        ) as expected_refund
    from expected_rates
    where delivered_revenue > 0 and expected_rate > 0
),

cohort_refunds as (
    select delivery_day, return_date, sum(refund_amount) as refund
    from refunds
    where is_after_delivery
    group by delivery_day, return_date
),

reserve_days as (
    select
        delivery_day,
        expected_refund,
        cast(unnest(generate_series(delivery_day, delivery_day + interval 30 day, interval 1 day)) as date) as date
    from reserves
),

reserve_use as (
    select
        reserve_days.date,
        reserve_days.expected_refund,
        coalesce(
            sum(cohort_refunds.refund) over (
                partition by reserve_days.delivery_day order by reserve_days.date
            ),
            0
        ) as refunded_to_date
    from reserve_days
    left join cohort_refunds
        on reserve_days.delivery_day = cohort_refunds.delivery_day
        and reserve_days.date = cohort_refunds.return_date
),

liabilities as (
    select
        date,
        sum(case when expected_refund > refunded_to_date then expected_refund - refunded_to_date else 0 end)
            as refund_liability
    from reserve_use
    group by date
),

balances as (
    select
        flows.*,
        coalesce(liabilities.refund_liability, 0) as refund_liability,
        sum(
            flows.gross_revenue - flows.discount - flows.tax - flows.refund_before_delivery - flows.delivered_revenue
        ) over (order by flows.date) as deferred_revenue
    from flows
    left join liabilities
        on flows.date = liabilities.date
),

recognized as (
    select
        *,
        delivered_revenue - refund_after_delivery
            - (refund_liability - lag(refund_liability, 1, 0) over (order by date)) as recognized_revenue
    from balances
),

final as (
    select
        date,
        cast(orders as bigint) as orders,
        cast(units as bigint) as units,
        cast(gross_revenue as decimal(18, 4)) as gross_revenue,
        cast(discount as decimal(18, 4)) as discount,
        cast(tax as decimal(18, 4)) as tax,
        cast(refund as decimal(18, 4)) as refund,
        cast(gross_revenue - discount - refund - tax as decimal(18, 4)) as net_revenue,
        -- Half up in whole ten-thousandths: money never passes through a float.
        cast(
            cast(
                (2 * cast(10000 * gross_revenue as hugeint) + orders) // nullif(2 * orders, 0) as decimal(22, 0)
            ) * 0.0001 as decimal(18, 4)
        ) as average_order_value,
        cast(units_returned as bigint) as units_returned,
        cast(units_returned as double) / nullif(cast(units as double), 0) as return_rate,
        cast(new_customers as bigint) as new_customers,
        cast(customers - new_customers as bigint) as repeat_customers,
        cast(recognized_revenue as decimal(18, 4)) as recognized_revenue,
        cast(deferred_revenue as decimal(18, 4)) as deferred_revenue,
        cast(refund_liability as decimal(18, 4)) as refund_liability,
        cast(unconverted_orders as bigint) as unconverted_orders
    from recognized
)

select * from final
