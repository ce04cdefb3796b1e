with lines as (
    select order_id, line_number, product_id, quantity, gross_revenue, discount, tax, net_amount
    from fct_order_items
    where is_revenue and not is_unconverted
),

orders as (
    select
        order_id, order_date, customer_id, channel, coalesce(nullif(country, ''), 'Unknown') as country
    from fct_orders
),

products as (
    select product_id, category, version from dim_product
),

latest_versions as (
    select product_id, max(version) as version
    from products
    group by product_id
),

categories as (
    select products.product_id, products.category
    from products
    inner join latest_versions
        on products.product_id = latest_versions.product_id
        and products.version = latest_versions.version
),

orders_by_country as (
    select country, count(*) as orders
    from orders
    where country <> 'Unknown'
    group by country
),

-- Where most orders go; of several such countries the first by name.
home as (
    select min(country) as country
    from orders_by_country
    where orders = (select max(orders) from orders_by_country)
),

final as (
    select
        lines.order_id,
        lines.line_number,
        orders.order_date,
        orders.customer_id,
        orders.channel,
        orders.country,
        case when orders.country <> 'Unknown' then orders.country <> home.country end as is_international,
        lines.product_id,
        categories.category,
        coalesce(categories.category, '') <> 'service' as is_goods,
        lines.quantity,
        lines.gross_revenue,
        lines.discount,
        lines.tax,
        lines.net_amount
    from lines
    inner join orders
        on lines.order_id = orders.order_id
    left join categories
        on lines.product_id = categories.product_id
    cross join home
)

select * from final
