with items as (
    select order_id, line_number, source, product_id, quantity, unit_price, discount, tax from core_order_items
),

orders as (
    select order_id, created_at, order_date, is_revenue, rate, is_unconverted from order_terms
),

products as (
    select product_key, product_id, unit_cost, valid_from, version from dim_product
),

product_spans as (
    select
        product_id,
        product_key,
        unit_cost,
        -- A sale before the first version, or in a gap after a delete, still belongs to a version.
        case when version = 1 then timestamp '0001-01-01 00:00:00' else valid_from end as applies_from,
        coalesce(
            lead(valid_from) over (partition by product_id order by valid_from),
            timestamp '9999-12-31 23:59:59'
        ) as applies_to
    from products
),

converted as (
    select
        items.order_id,
        items.line_number,
        items.source,
        items.product_id,
        items.quantity,
        orders.created_at,
        orders.order_date,
        coalesce(orders.is_revenue, false) as is_revenue,
        coalesce(orders.is_unconverted, false) as is_unconverted,
        -- A line whose order never came has no currency; it is kept at face value and never counted.
        case
            when orders.order_id is null or orders.rate = 1 then items.unit_price
            else cast(round(items.unit_price * orders.rate, 4) as decimal(18, 4))
        end as unit_price,
        case
            when orders.order_id is null or orders.rate = 1 then coalesce(items.discount, 0)
            else cast(round(coalesce(items.discount, 0) * orders.rate, 4) as decimal(18, 4))
        end as discount,
        case
            when orders.order_id is null or orders.rate = 1 then coalesce(items.tax, 0)
            else cast(round(coalesce(items.tax, 0) * orders.rate, 4) as decimal(18, 4))
        end as tax
    from items
    left join orders
        on items.order_id = orders.order_id
),

valued as (
    select
        *,
        cast(quantity * unit_price as decimal(18, 4)) as gross_revenue
    from converted
),

final as (
    select
        valued.order_id,
        valued.line_number,
        valued.source,
        valued.order_date,
        valued.product_id,
        product_spans.product_key,
        cast(valued.quantity as bigint) as quantity,
        cast(valued.unit_price as decimal(18, 4)) as unit_price,
        valued.gross_revenue,
        cast(valued.discount as decimal(18, 4)) as discount,
        cast(valued.tax as decimal(18, 4)) as tax,
        cast(valued.gross_revenue - valued.discount - valued.tax as decimal(18, 4)) as net_amount,
        product_spans.unit_cost,
        cast(
            valued.gross_revenue - valued.discount - valued.tax - valued.quantity * product_spans.unit_cost
            as decimal(18, 4)
        ) as margin,
        valued.is_revenue,
        valued.is_unconverted
    from valued
    left join product_spans
        on valued.product_id = product_spans.product_id
        and coalesce(valued.created_at, timestamp '9999-12-31 00:00:00') >= product_spans.applies_from
        and coalesce(valued.created_at, timestamp '9999-12-31 00:00:00') < product_spans.applies_to
)

select * from final
