with orders as (
    select
        order_id, source, customer_id, status, created_at, order_date, delivered_at, delivered_date, channel,
        country, currency, payment_method, is_revenue, is_unconverted
    from order_terms
),

items as (
    select order_id, quantity, gross_revenue, discount, tax, unit_cost from fct_order_items
),

counted_returns as (
    select order_id, refund_amount from fct_returns where is_counted
),

customers as (
    select customer_key, customer_id, valid_from, version from dim_customer
),

customer_spans as (
    select
        customer_id,
        customer_key,
        case when version = 1 then timestamp '0001-01-01 00:00:00' else valid_from end as applies_from,
        coalesce(
            lead(valid_from) over (partition by customer_id order by valid_from),
            timestamp '9999-12-31 23:59:59'
        ) as applies_to
    from customers
),

order_lines as (
    select
        order_id,
        count(*) as item_count,
        sum(quantity) as units,
        sum(gross_revenue) as gross_revenue,
        sum(discount) as discount,
        sum(tax) as tax,
        -- One unknown cost makes the cost of the whole order unknown.
        case when count(unit_cost) = count(*) then sum(quantity * unit_cost) end as cost
    from items
    group by order_id
),

order_refunds as (
    select order_id, sum(refund_amount) as refund
    from counted_returns
    group by order_id
),

first_purchases as (
    select orders.customer_id, min(orders.created_at) as created_at
    from orders
    inner join order_lines
        on orders.order_id = order_lines.order_id
    where orders.is_revenue and orders.customer_id is not null
    group by orders.customer_id
),

first_orders as (
    select orders.customer_id, min(orders.order_id) as order_id
    from orders
    inner join order_lines
        on orders.order_id = order_lines.order_id
    inner join first_purchases
        on orders.customer_id = first_purchases.customer_id
        and orders.created_at = first_purchases.created_at
    where orders.is_revenue
    group by orders.customer_id
),

amounts as (
    select
        orders.order_id,
        orders.source,
        orders.customer_id,
        customer_spans.customer_key,
        orders.created_at,
        orders.order_date,
        orders.status,
        orders.channel,
        orders.country,
        orders.currency,
        orders.payment_method,
        coalesce(order_lines.item_count, 0) as item_count,
        coalesce(order_lines.units, 0) as units,
        case
            when not orders.is_revenue then 0
            when not orders.is_unconverted then coalesce(order_lines.gross_revenue, 0)
        end as gross_revenue,
        case
            when not orders.is_revenue then 0
            when not orders.is_unconverted then coalesce(order_lines.discount, 0)
        end as discount,
        case
            when not orders.is_revenue then 0
            when not orders.is_unconverted then coalesce(order_lines.tax, 0)
        end as tax,
        case
            when not orders.is_revenue then 0
            when not orders.is_unconverted then coalesce(order_refunds.refund, 0)
        end as refund,
        case
            when not orders.is_revenue or order_lines.order_id is null and not orders.is_unconverted then 0
            when not orders.is_unconverted then order_lines.cost
        end as cost,
        coalesce(first_orders.order_id = orders.order_id, false) as is_first_order,
        orders.delivered_at,
        orders.delivered_date,
        orders.is_revenue,
        orders.is_unconverted
    from orders
    left join order_lines
        on orders.order_id = order_lines.order_id
    left join order_refunds
        on orders.order_id = order_refunds.order_id
    left join first_orders
        on orders.customer_id = first_orders.customer_id
    left join customer_spans
        on orders.customer_id = customer_spans.customer_id
        and orders.created_at >= customer_spans.applies_from
        and orders.created_at < customer_spans.applies_to
),

final as (
    select
        order_id,
        source,
        customer_id,
        customer_key,
        created_at,
        order_date,
        status,
        channel,
        country,
        currency,
        payment_method,
        cast(item_count as bigint) as item_count,
        cast(units as bigint) as units,
        cast(gross_revenue as decimal(18, 4)) as gross_revenue,
        cast(discount as decimal(18, 4)) as discount,
        cast(tax as decimal(18, 4)) as tax,
        cast(refund as decimal(18, 4)) as refund,
        cast(gross_revenue - discount - refund - tax as decimal(18, 4)) as net_revenue,
        cast(cost as decimal(18, 4)) as cost,
        cast(gross_revenue - discount - refund - tax - cost as decimal(18, 4)) as margin,
        is_first_order,
        delivered_at,
        delivered_date,
        cast(date_diff('day', order_date, delivered_date) as bigint) as days_to_deliver,
        is_revenue,
        is_revenue and item_count > 0 as is_purchase,
        is_unconverted
    from amounts
)

select * from final
