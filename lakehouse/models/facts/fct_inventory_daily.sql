with movements as (
    select product_id, moved_at, kind, quantity from core_inventory_movements
),

settings as (
    select as_of_date, business_time_zone from run_settings
),

products as (
    select product_id, reorder_point, valid_from from dim_product
),

dated as (
    select
        movements.product_id,
        cast(movements.moved_at at time zone 'UTC' at time zone settings.business_time_zone as date) as date,
        case
            when movements.kind in ('receipt', 'return', 'adjustment') then movements.quantity
            when movements.kind = 'shipment' then -movements.quantity
            else 0
        end as on_hand_change,
        case
            when movements.kind = 'allocation' then movements.quantity
            when movements.kind in ('release', 'shipment') then -movements.quantity
            else 0
        end as allocated_change
    from movements
    cross join settings
),

daily_changes as (
    select
        product_id,
        date,
        sum(on_hand_change) as on_hand_change,
        sum(allocated_change) as allocated_change
    from dated
    group by product_id, date
),

product_starts as (
    select product_id, min(date) as first_date
    from daily_changes
    group by product_id
),

calendar as (
    select
        product_starts.product_id,
        cast(
            unnest(generate_series(product_starts.first_date, settings.as_of_date, interval 1 day)) as date
        ) as date
    from product_starts
    cross join settings
),

running as (
    select
        calendar.product_id,
        calendar.date,
        sum(daily_changes.on_hand_change) over (
            partition by calendar.product_id order by calendar.date
        ) as on_hand,
        sum(daily_changes.allocated_change) over (
            partition by calendar.product_id order by calendar.date
        ) as allocated
    from calendar
    left join daily_changes
        on calendar.product_id = daily_changes.product_id
        and calendar.date = daily_changes.date
),

stock as (
    select
        product_id,
        date,
        cast(on_hand as bigint) as on_hand,
        cast(case when allocated > 0 then allocated else 0 end as bigint) as allocated
    from running
),

version_days as (
    select
        products.product_id,
        products.reorder_point,
        products.valid_from,
        cast(products.valid_from at time zone 'UTC' at time zone settings.business_time_zone as date) as valid_date
    from products
    cross join settings
),

ranked_versions as (
    select
        product_id,
        reorder_point,
        valid_date,
        row_number() over (partition by product_id, valid_date order by valid_from desc) as position
    from version_days
),

-- What holds at the end of a day is the last version that began on it or before.
reorder_points as (
    select
        product_id,
        reorder_point,
        case
            when row_number() over (partition by product_id order by valid_date) = 1 then date '0001-01-01'
            else valid_date
        end as applies_from,
        coalesce(
            lead(valid_date) over (partition by product_id order by valid_date), date '9999-12-31'
        ) as applies_to
    from ranked_versions
    where position = 1
),

final as (
    select
        stock.date,
        stock.product_id,
        stock.on_hand,
        stock.allocated,
        stock.on_hand - stock.allocated as available,
        reorder_points.reorder_point,
        coalesce(stock.on_hand - stock.allocated < reorder_points.reorder_point, false) as is_at_risk
    from stock
    left join reorder_points
        on stock.product_id = reorder_points.product_id
        and stock.date >= reorder_points.applies_from
        and stock.date < reorder_points.applies_to
)

select * from final
