with returns as (
    select
        return_id, source, order_id, line_number, quantity, returned_at, reason, refund_amount as explicit_amount
    from core_returns
),

settings as (
    select business_time_zone from run_settings
),

orders as (
    select order_id, delivered_date, payment_method, is_revenue, rate, is_unconverted from order_terms
),

lines as (
    select order_id, line_number, product_id, quantity, net_amount from fct_order_items
),

dated as (
    select
        returns.return_id,
        returns.source,
        returns.order_id,
        returns.line_number,
        returns.quantity,
        returns.returned_at,
        cast(returns.returned_at at time zone 'UTC' at time zone settings.business_time_zone as date) as return_date,
        returns.reason,
        returns.explicit_amount
    from returns
    cross join settings
),

aged as (
    select
        dated.return_id,
        dated.source,
        dated.order_id,
        dated.line_number,
        dated.quantity,
        dated.returned_at,
        dated.return_date,
        dated.reason,
        date_diff('day', orders.delivered_date, dated.return_date) as days_since_delivery,
        coalesce(
            date_diff('day', orders.delivered_date, dated.return_date) between 0 and 30, false
        ) as is_refundable,
        orders.payment_method as refund_method,
        coalesce(orders.is_revenue, false) as is_counted,
        coalesce(orders.is_unconverted, false) as is_unconverted,
        dated.explicit_amount is not null as is_explicit,
        -- A return whose order never came has no currency; it is kept at face value and never counted.
        case
            when orders.order_id is null or orders.rate = 1 then dated.explicit_amount
            else cast(round(dated.explicit_amount * orders.rate, 4) as decimal(18, 4))
        end as explicit_refund
    from dated
    left join orders
        on dated.order_id = orders.order_id
),

matched as (
    select
        aged.*,
        lines.product_id,
        lines.order_id is not null as is_matched,
        lines.quantity as line_quantity,
        cast(lines.net_amount * 10000 as hugeint) as net_ten_thousandths,
        lines.net_amount
    from aged
    left join lines
        on aged.order_id = lines.order_id
        and aged.line_number = lines.line_number
),

counted_quantities as (
    select
        *,
        case when is_refundable and not is_explicit and is_matched then quantity else 0 end as refundable_quantity
    from matched
),

running_quantities as (
    select
        *,
        least(
            sum(refundable_quantity) over (
                partition by order_id, line_number
                order by returned_at, return_id
                rows between unbounded preceding and current row
            ),
            line_quantity
        ) as returned_to_date
    from counted_quantities
),

-- Money is divided as whole ten-thousandths, half up, so that parts of a line always add up to the line.
running_amounts as (
    select
        *,
        (2 * net_ten_thousandths * cast(returned_to_date as hugeint) + line_quantity)
            // nullif(2 * cast(line_quantity as hugeint), 0) as due_to_date
    from running_quantities
),

parts as (
    select
        *,
        cast(
            cast(
                due_to_date - lag(due_to_date, 1, 0) over (
                    partition by order_id, line_number order by returned_at, return_id
                ) as decimal(22, 0)
            ) * 0.0001 as decimal(18, 4)
        ) as due_amount
    from running_amounts
),

raw_refunds as (
    select
        *,
        case
            when is_explicit then explicit_refund
            when refundable_quantity > 0 then due_amount
            when is_unconverted then null
            else 0
        end as raw_refund
    from parts
),

remaining as (
    select
        *,
        net_amount - coalesce(
            sum(raw_refund) over (
                partition by order_id, line_number
                order by returned_at, return_id
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as remaining_amount
    from raw_refunds
),

final as (
    select
        return_id,
        source,
        order_id,
        line_number,
        product_id,
        cast(quantity as bigint) as quantity,
        returned_at,
        return_date,
        reason,
        cast(days_since_delivery as bigint) as days_since_delivery,
        is_refundable,
        is_explicit,
        cast(
            case
                when is_explicit or raw_refund is null then raw_refund
                when raw_refund <= 0 or remaining_amount <= 0 then 0
                when raw_refund > remaining_amount then remaining_amount
                else raw_refund
            end as decimal(18, 4)
        ) as refund_amount,
        refund_method,
        is_matched,
        is_counted,
        is_unconverted
    from remaining
)

select * from final
