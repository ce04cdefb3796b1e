with inventory as (
    select product_id, date, available, reorder_point, is_at_risk from fct_inventory_daily
),

previous_days as (
    select
        product_id,
        date,
        available,
        reorder_point,
        is_at_risk,
        lag(is_at_risk, 1, false) over (partition by product_id order by date) as was_at_risk
    from inventory
),

crossings as (
    select product_id, date, available, reorder_point, is_at_risk
    from previous_days
    where is_at_risk <> was_at_risk
),

-- Crossings alternate, so the one after a crossing into risk is the day it resolved.
paired as (
    select
        product_id,
        date,
        available,
        reorder_point,
        is_at_risk,
        lead(date) over (partition by product_id order by date) as resolved_on
    from crossings
),

final as (
    select
        product_id,
        date as alerted_on,
        available,
        reorder_point,
        reorder_point - available as shortfall,
        resolved_on
    from paired
    where is_at_risk
)

select * from final
