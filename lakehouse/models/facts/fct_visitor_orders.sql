with orders as (
    select
        order_id, source, customer_id, created_at, order_date, channel, units, gross_revenue, discount, tax,
        refund, net_revenue
    from fct_orders
    where is_purchase and not is_unconverted and customer_id is not null
),

links as (
    select visitor_id, customer_id, linked_at from core_visitor_identities
),

-- Who bought: the visitor whom the customer was last found to be by then, else the first one found later.
candidates as (
    select
        orders.order_id,
        links.visitor_id,
        row_number() over (
            partition by orders.order_id
            order by
                case when links.linked_at <= orders.created_at then 0 else 1 end,
                case when links.linked_at <= orders.created_at then links.linked_at end desc,
                links.linked_at,
                links.visitor_id
        ) as position
    from orders
    inner join links
        on orders.customer_id = links.customer_id
),

final as (
    select
        orders.order_id,
        orders.source,
        candidates.visitor_id,
        orders.customer_id,
        orders.created_at,
        orders.order_date,
        orders.channel,
        orders.units,
        cast(orders.gross_revenue - orders.discount as decimal(18, 4)) as order_value,
        orders.tax,
        orders.refund,
        orders.net_revenue
    from orders
    inner join candidates
        on orders.order_id = candidates.order_id
    where candidates.position = 1
)

select * from final
