with lines as (
    select order_date, country, category, quantity from fct_sales_lines
),

returns as (
    select order_id, product_id, return_date, quantity
    from fct_returns
    where is_counted and not is_unconverted
),

orders as (
    select order_id, coalesce(nullif(country, ''), 'Unknown') as country from fct_orders
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

movements as (
    select order_date as date, country, category, quantity as units, 0 as units_returned
    from lines
    union all
    select returns.return_date as date, orders.country, categories.category, 0 as units, returns.quantity as units_returned
    from returns
    inner join orders
        on returns.order_id = orders.order_id
    -- A return that names no known line has no product.
    left join categories
        on returns.product_id = categories.product_id
),

summed as (
    select
        date,
        country,
        coalesce(nullif(category, ''), 'Unknown') as category,
        sum(units) as units,
        sum(units_returned) as units_returned
    from movements
    group by date, country, coalesce(nullif(category, ''), 'Unknown')
),

final as (
    select
        date,
        country,
        category,
        cast(units as bigint) as units,
        cast(units_returned as bigint) as units_returned
    from summed
)

select * from final
