-- Every landed line once, cleaned, with what kind of line it is; the mappings of the feeds read this table.
with lines as (select * from stg_online_retail),

cleaned as (
    select
        invoice_no,
        line_number,
        upper(stock_code) as stock_code,
        nullif(trim(description), '') as description,
        quantity,
        unit_price,
        cast(quantity * unit_price as decimal(18, 4)) as amount,
        invoice_date as invoiced_at,
        customer_id,
        country,
        case
            when invoice_no like 'A%' then 'bad_debt'
            when invoice_no like 'C%' then 'return'
            when unit_price = 0 then 'stock_adjustment'
            else 'sale'
        end as kind
    from lines
),

final as (
    select
        invoice_no,
        line_number,
        stock_code,
        description,
        quantity,
        unit_price,
        amount,
        invoiced_at,
        customer_id,
        country,
        kind,
        kind in ('sale', 'return') as is_revenue,
        case
            when kind = 'bad_debt' then 'adjustment of bad debt'
            when kind = 'stock_adjustment' and quantity < 0 then 'price 0: stock written off'
            when kind = 'stock_adjustment' then 'price 0: nothing was charged'
        end as non_revenue_reason
    from cleaned
)

select * from final
