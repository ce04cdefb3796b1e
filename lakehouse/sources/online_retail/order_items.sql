-- A line of an order per sale. Prices are taken as charged: the file shows neither discounts nor tax.
with lines as (select * from online_retail_lines),

final as (
    select
        invoice_no as order_id,
        line_number,
        stock_code as product_id,
        quantity,
        unit_price,
        cast(0 as decimal(18, 4)) as discount,
        cast(0 as decimal(18, 4)) as tax
    from lines
    where kind = 'sale'
)

select * from final
