with orders as (
    select
        order_id, order_date, coalesce(nullif(country, ''), 'Unknown') as country, customer_id, units, gross_revenue,
        discount, tax, is_purchase, is_first_order, is_unconverted
    from fct_orders
    where is_revenue
),

returns as (
    select order_id, return_date, quantity, refund_amount
    from fct_returns
    where is_counted and not is_unconverted
),

sales as (
    select
        order_date as date,
        country,
        count(*) filter (where is_purchase and not is_unconverted) as orders,
        count(*) filter (
            where is_purchase and not is_unconverted and customer_id is not null and not is_first_order
        ) as repeat_orders,
        count(*) filter (where is_first_order) as new_customers,
        sum(units) filter (where not is_unconverted) as units,
        sum(gross_revenue) filter (where not is_unconverted) as gross_revenue,
        sum(discount) filter (where not is_unconverted) as discount,
        sum(tax) filter (where not is_unconverted) as tax
    from orders
    group by order_date, country
),

refunds as (
    select
        returns.return_date as date,
        orders.country,
        sum(returns.quantity) as units_returned,
        sum(returns.refund_amount) as refund
    from returns
    inner join orders
        on returns.order_id = orders.order_id
    where not orders.is_unconverted
    group by returns.return_date, orders.country
),

days as (
    select date, country from sales
    union
    select date, country from refunds
),

joined as (
    select
        days.date,
        days.country,
        coalesce(sales.orders, 0) as orders,
        coalesce(sales.repeat_orders, 0) as repeat_orders,
        coalesce(sales.new_customers, 0) as new_customers,
        coalesce(sales.units, 0) as units,
        coalesce(refunds.units_returned, 0) as units_returned,
        coalesce(sales.gross_revenue, 0) as gross_revenue,
        coalesce(sales.discount, 0) as discount,
        coalesce(sales.tax, 0) as tax,
        coalesce(refunds.refund, 0) as refund
    from days
    left join sales
        on days.date = sales.date and days.country = sales.country
    left join refunds
        on days.date = refunds.date and days.country = refunds.country
),

final as (
    select
        date,
        country,
        orders,
        repeat_orders,
        new_customers,
        cast(units as bigint) as units,
        cast(units_returned as bigint) as units_returned,
        cast(gross_revenue as decimal(18, 4)) as gross_revenue,
        cast(discount as decimal(18, 4)) as discount,
        cast(tax as decimal(18, 4)) as tax,
        cast(refund as decimal(18, 4)) as refund,
        cast(gross_revenue - discount - refund - tax as decimal(18, 4)) as net_revenue
    from joined
)

select * from final
