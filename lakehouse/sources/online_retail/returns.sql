-- A return per line of a credit note. Its refund is explicit; it belongs to the order that the goods came from,
-- or to the credit note itself where no sale could be found.
with credits as (select * from online_retail_credits),

final as (
    select
        return_id,
        coalesce(sale_invoice_no, invoice_no) as order_id,
        sale_line_number as line_number,
        quantity,
        returned_at,
        refund_amount
    from credits
)

select * from final
