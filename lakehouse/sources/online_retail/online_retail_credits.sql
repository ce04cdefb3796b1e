-- Every line of a credit note, matched to the sale that it takes back: in order of time, a return goes to the
-- customer's latest earlier sale of the same stock code that still has enough quantity left.
-- Each match depends on those before it, but only within one customer and stock code: step n of the recursion
-- matches the n-th return of every such pair at once.
with recursive lines as (select * from online_retail_lines),

returns as (
    select
        invoice_no || '-' || cast(line_number as varchar) as return_id,
        invoice_no,
        line_number,
        customer_id,
        stock_code,
        -quantity as quantity,
        -amount as refund_amount,
        invoiced_at as returned_at,
        row_number() over (
            partition by customer_id, stock_code
            order by invoiced_at, invoice_no, line_number
        ) as turn
    from lines
    where kind = 'return'
),

pairs as (
    select
        customer_id,
        stock_code,
        min(quantity) as smallest_return,
        max(returned_at) as last_return_at
    from returns
    where customer_id is not null
    group by customer_id, stock_code
),

sales as (
    select
        lines.customer_id,
        lines.stock_code,
        lines.invoice_no,
        lines.line_number,
        lines.quantity,
        lines.invoiced_at
    from lines
    inner join pairs
        on lines.customer_id = pairs.customer_id and lines.stock_code = pairs.stock_code
    where
        lines.kind = 'sale'
        and lines.quantity >= pairs.smallest_return
        and lines.invoiced_at < pairs.last_return_at
),

-- The sales of every pair as they stand after `turn` returns; return_id is what that turn matched to the sale.
walk as (
    select
        customer_id,
        stock_code,
        invoice_no,
        line_number,
        invoiced_at,
        quantity as quantity_left,
        cast(0 as bigint) as turn,
        cast(null as varchar) as return_id
    from sales

    union all

    select
        ranked.customer_id,
        ranked.stock_code,
        ranked.invoice_no,
        ranked.line_number,
        ranked.invoiced_at,
        case
            when ranked.fits and ranked.preference = 1 then ranked.quantity_left - ranked.returned_quantity
            else ranked.quantity_left
        end as quantity_left,
        ranked.turn,
        case when ranked.fits and ranked.preference = 1 then ranked.return_id end as return_id
    from (
        select
            offered.customer_id,
            offered.stock_code,
            offered.invoice_no,
            offered.line_number,
            offered.invoiced_at,
            offered.quantity_left,
            offered.turn,
            offered.return_id,
            offered.returned_quantity,
            offered.fits,
            row_number() over (
                partition by offered.customer_id, offered.stock_code
                order by
                    offered.fits desc,
                    offered.invoiced_at desc,
                    offered.invoice_no desc,
                    offered.line_number desc
            ) as preference
        from (
            select
                walk.customer_id,
                walk.stock_code,
                walk.invoice_no,
                walk.line_number,
                walk.invoiced_at,
                walk.quantity_left,
                returns.turn,
                returns.return_id,
                returns.quantity as returned_quantity,
                walk.invoiced_at < returns.returned_at and walk.quantity_left >= returns.quantity as fits
            from walk
            inner join returns
                on
                    walk.customer_id = returns.customer_id
                    and walk.stock_code = returns.stock_code
                    and walk.turn + 1 = returns.turn
        ) as offered
    ) as ranked
),

matches as (
    select
        return_id,
        invoice_no,
        line_number
    from walk
    where return_id is not null
),

final as (
    select
        returns.return_id,
        returns.invoice_no,
        returns.line_number,
        returns.customer_id,
        returns.stock_code,
        returns.quantity,
        returns.returned_at,
        returns.refund_amount,
        matches.return_id is not null as is_matched,
        matches.invoice_no as sale_invoice_no,
        matches.line_number as sale_line_number
    from returns
    left join matches on returns.return_id = matches.return_id
)

select * from final
