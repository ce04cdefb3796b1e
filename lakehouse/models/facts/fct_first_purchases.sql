with purchases as (
    select order_id, customer_id, order_date, channel, coalesce(nullif(country, ''), 'Unknown') as country, is_first_order
    from fct_orders
    where is_purchase and customer_id is not null
),

later_purchases as (
    select customer_id, min(order_date) as order_date
    from purchases
    where not is_first_order
    group by customer_id
),

final as (
    select
        purchases.customer_id,
        purchases.order_id,
        purchases.order_date as first_order_date,
        purchases.channel,
        purchases.country,
        later_purchases.order_date as second_order_date,
        cast(date_diff('day', purchases.order_date, later_purchases.order_date) as bigint) as days_to_second_order
    from purchases
    left join later_purchases
        on purchases.customer_id = later_purchases.customer_id
    where purchases.is_first_order
)

select * from final
