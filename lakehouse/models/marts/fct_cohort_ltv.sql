with settings as (
    select as_of_date from run_settings
),

orders as (
    select customer_id, order_date, net_revenue, is_purchase, is_first_order
    from fct_orders
    where customer_id is not null
),

windows as (
    select unnest([7, 30, 90]) as window_days
),

anchors as (
    select
        customer_id,
        order_date as anchor_date,
        cast(date_trunc('month', order_date) as date) as cohort_month
    from orders
    where is_first_order
),

since_anchor as (
    select
        anchors.customer_id,
        date_diff('day', anchors.anchor_date, orders.order_date) as day,
        orders.net_revenue,
        orders.is_purchase and not orders.is_first_order as is_repeat
    from anchors
    inner join orders
        on anchors.customer_id = orders.customer_id
        and orders.order_date >= anchors.anchor_date
),

customer_windows as (
    select
        customer_id,
        sum(case when day < 7 then net_revenue else 0 end) as revenue_7,
        sum(case when day < 30 then net_revenue else 0 end) as revenue_30,
        sum(case when day < 90 then net_revenue else 0 end) as revenue_90,
        max(case when is_repeat and day < 7 then 1 else 0 end) as retained_7,
        max(case when is_repeat and day < 30 then 1 else 0 end) as retained_30,
        max(case when is_repeat and day < 90 then 1 else 0 end) as retained_90
    from since_anchor
    group by customer_id
),

cohorts as (
    select
        anchors.cohort_month,
        max(anchors.anchor_date) as last_anchor_date,
        count(*) as customers,
        sum(customer_windows.revenue_7) as revenue_7,
        sum(customer_windows.revenue_30) as revenue_30,
        sum(customer_windows.revenue_90) as revenue_90,
        sum(customer_windows.retained_7) as retained_7,
        sum(customer_windows.retained_30) as retained_30,
        sum(customer_windows.retained_90) as retained_90
    from anchors
    inner join customer_windows
        on anchors.customer_id = customer_windows.customer_id
    group by anchors.cohort_month
),

cohort_windows as (
    select
        cohorts.cohort_month,
        cohorts.last_anchor_date,
        windows.window_days,
        cohorts.customers,
        case windows.window_days
            when 7 then cohorts.retained_7
            when 30 then cohorts.retained_30
            else cohorts.retained_90
        end as retained_customers,
        coalesce(
            case windows.window_days
                when 7 then cohorts.revenue_7
                when 30 then cohorts.revenue_30
                else cohorts.revenue_90
            end,
            0
        ) as revenue
    from cohorts
    cross join windows
),

final as (
    select
        cohort_windows.cohort_month,
        cast(cohort_windows.window_days as bigint) as window_days,
        cast(cohort_windows.customers as bigint) as customers,
        cast(cohort_windows.retained_customers as bigint) as retained_customers,
        cast(cohort_windows.retained_customers as double) / cohort_windows.customers as retention_rate,
        cast(cohort_windows.revenue as decimal(18, 4)) as revenue,
        -- Half away from zero in whole ten-thousandths; refunds can make a cohort's revenue negative.
        cast(
            cast(
                sign(cohort_windows.revenue) * (
                    (2 * cast(10000 * abs(cohort_windows.revenue) as hugeint) + cohort_windows.customers)
                    // (2 * cohort_windows.customers)
                ) as decimal(22, 0)
            ) * 0.0001 as decimal(18, 4)
        ) as ltv,
        coalesce(
            last_day(cohort_windows.cohort_month) <= settings.as_of_date
            and date_diff('day', cohort_windows.last_anchor_date, settings.as_of_date)
            >= cohort_windows.window_days - 1,
            false
        ) as is_complete
    from cohort_windows
    cross join settings
)

select * from final
