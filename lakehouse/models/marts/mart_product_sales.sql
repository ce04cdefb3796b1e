with lines as (
    select order_id, product_id, quantity, gross_revenue, discount, tax, net_amount
    from fct_order_items
    where is_revenue and not is_unconverted
),

returned_lines as (
    select product_id, quantity, refund_amount
    from fct_returns
    where is_counted and is_matched and not is_unconverted
),

products as (
    select product_id, name, category, brand, version from dim_product
),

latest_versions as (
    select product_id, max(version) as version
    from products
    group by product_id
),

latest_products as (
    select products.product_id, products.name, products.category, products.brand
    from products
    inner join latest_versions
        on products.product_id = latest_versions.product_id
        and products.version = latest_versions.version
),

sales as (
    select
        product_id,
        sum(quantity) as units,
        count(distinct order_id) as orders,
        sum(gross_revenue) as gross_revenue,
        sum(discount) as discount,
        sum(tax) as tax,
        sum(net_amount) as net_amount
    from lines
    group by product_id
),

product_returns as (
    select
        product_id,
        sum(quantity) as return_units,
        sum(refund_amount) as refund
    from returned_lines
    group by product_id
),

final as (
    select
        sales.product_id,
        latest_products.name,
        latest_products.category,
        latest_products.brand,
        cast(sales.units as bigint) as units,
        cast(sales.orders as bigint) as orders,
        cast(sales.gross_revenue as decimal(18, 4)) as gross_revenue,
        cast(sales.discount as decimal(18, 4)) as discount,
        cast(sales.tax as decimal(18, 4)) as tax,
        cast(sales.net_amount as decimal(18, 4)) as net_amount,
        cast(coalesce(product_returns.refund, 0) as decimal(18, 4)) as refund,
        cast(sales.net_amount - coalesce(product_returns.refund, 0) as decimal(18, 4)) as net_revenue,
        cast(coalesce(product_returns.return_units, 0) as bigint) as return_units
    from sales
    left join latest_products
        on sales.product_id = latest_products.product_id
    left join product_returns
        on sales.product_id = product_returns.product_id
)

select * from final
