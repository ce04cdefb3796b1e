with orders as (
    select country, customer_id, units, gross_revenue, discount, tax, refund, net_revenue, is_purchase
    from fct_orders
    where is_revenue and not is_unconverted
),

labelled as (
    select
        coalesce(country, 'Unknown') as country,
        customer_id,
        units,
        gross_revenue,
        discount,
        tax,
        refund,
        net_revenue,
        is_purchase
    from orders
),

final as (
    select
        country,
        count(*) filter (where is_purchase) as orders,
        count(distinct customer_id) filter (where is_purchase) as customers,
        cast(sum(units) as bigint) as units,
        cast(sum(gross_revenue) as decimal(18, 4)) as gross_revenue,
        cast(sum(discount) as decimal(18, 4)) as discount,
        cast(sum(tax) as decimal(18, 4)) as tax,
        cast(sum(refund) as decimal(18, 4)) as refund,
        cast(sum(net_revenue) as decimal(18, 4)) as net_revenue
    from labelled
    group by country
)

select * from final
