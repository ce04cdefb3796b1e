with orders as (
    select order_id, order_date, coalesce(nullif(country, ''), 'Unknown') as country from fct_orders
),

lines as (
    select order_id, product_id, quantity, gross_revenue, discount, tax
    from fct_order_items
    where is_revenue and not is_unconverted
),

returns as (
    select order_id, product_id, return_date, quantity, refund_amount
    from fct_returns
    where is_counted and is_matched and not is_unconverted
),

movements as (
    select
        orders.order_date as date,
        orders.country,
        lines.product_id,
        lines.order_id,
        lines.quantity as units,
        lines.gross_revenue,
        lines.discount,
        lines.tax,
        0 as units_returned,
        0 as refund
    from lines
    inner join orders
        on lines.order_id = orders.order_id
    union all
    select
        returns.return_date as date,
        orders.country,
        returns.product_id,
        null as order_id,
        0 as units,
        0 as gross_revenue,
        0 as discount,
        0 as tax,
        returns.quantity as units_returned,
        returns.refund_amount as refund
    from returns
    inner join orders
        on returns.order_id = orders.order_id
),

summed as (
    select
        date,
        country,
        product_id,
        count(distinct order_id) as orders,
        sum(units) as units,
        sum(units_returned) as units_returned,
        sum(gross_revenue) as gross_revenue,
        sum(discount) as discount,
        sum(tax) as tax,
        sum(refund) as refund
    from movements
    group by date, country, product_id
),

final as (
    select
        date,
        country,
        product_id,
        orders,
        cast(units as bigint) as units,
        cast(units_returned as bigint) as units_returned,
        cast(gross_revenue as decimal(18, 4)) as gross_revenue,
        cast(discount as decimal(18, 4)) as discount,
        cast(tax as decimal(18, 4)) as tax,
        cast(refund as decimal(18, 4)) as refund,
        cast(gross_revenue - discount - refund - tax as decimal(18, 4)) as net_revenue
    from summed
)

select * from final
