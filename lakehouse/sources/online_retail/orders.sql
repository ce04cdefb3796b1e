-- An order per invoice that sold something, and one per credit note with a line that no sale could be found for.
-- The file knows no states between invoice and delivery: all four instants are the invoice's first.
with lines as (select * from online_retail_lines),
credits as (select * from online_retail_credits),

invoices as (
    select
        invoice_no,
        min(customer_id) as customer_id,
        min(country) as country,
        min(invoiced_at) as invoiced_at,
        max(case when kind = 'sale' then 1 else 0 end) as has_sales
    from lines
    where is_revenue
    group by invoice_no
),

unmatched as (
    select distinct invoice_no
    from credits
    where not is_matched
),

final as (
    select
        invoices.invoice_no as order_id,
        invoices.customer_id,
        case when invoices.has_sales = 1 then 'delivered' else 'returned' end as status,
        invoices.invoiced_at as created_at,
        invoices.invoiced_at as paid_at,
        invoices.invoiced_at as fulfilled_at,
        invoices.invoiced_at as delivered_at,
        invoices.country,
        'GBP' as currency
    from invoices
    left join unmatched on invoices.invoice_no = unmatched.invoice_no
    where invoices.has_sales = 1 or unmatched.invoice_no is not null
)

select * from final
