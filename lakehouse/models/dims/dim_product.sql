with events as (
    select
        product_id,
        coalesce(updated_at, _ingested_at) as effective_at,
        coalesce(is_deleted, false) as is_deleted,
        name,
        category,
        brand,
        list_price,
        unit_cost,
        reorder_point,
        _ingested_at,
        _row_number
    from core_products
    where product_id is not null and coalesce(updated_at, _ingested_at) is not null
),

named_products as (
    select product_id from core_order_items where product_id is not null
    union
    select product_id from core_inventory_movements where product_id is not null
),

ranked_events as (
    select
        *,
        row_number() over (
            partition by product_id, effective_at
            order by
                is_deleted desc,
                _ingested_at desc nulls last,
                _row_number desc nulls last,
                -- The rest only makes the choice the same whatever the order of the rows.
                name, category, brand, list_price, unit_cost, reorder_point
        ) as position
    from events
),

one_per_instant as (
    select * from ranked_events where position = 1
),

previous_state as (
    select
        *,
        lag(is_deleted) over (partition by product_id order by effective_at) as previous_is_deleted,
        lag(name) over (partition by product_id order by effective_at) as previous_name,
        lag(category) over (partition by product_id order by effective_at) as previous_category,
        lag(brand) over (partition by product_id order by effective_at) as previous_brand,
        lag(list_price) over (partition by product_id order by effective_at) as previous_list_price,
        lag(unit_cost) over (partition by product_id order by effective_at) as previous_unit_cost,
        lag(reorder_point) over (partition by product_id order by effective_at) as previous_reorder_point
    from one_per_instant
),

marked as (
    select
        *,
        case
            -- The first event of a key has no previous state, which is distinct from either value.
            when is_deleted is distinct from previous_is_deleted then true
            when is_deleted then false
            else name is distinct from previous_name
                or category is distinct from previous_category
                or brand is distinct from previous_brand
                or list_price is distinct from previous_list_price
                or unit_cost is distinct from previous_unit_cost
                or reorder_point is distinct from previous_reorder_point
        end as is_change
    from previous_state
),

spans as (
    select
        *,
        max(case when is_change then effective_at end) over (
            partition by product_id order by effective_at
        ) as valid_from,
        lead(effective_at) over (partition by product_id order by effective_at) as valid_to,
        coalesce(lead(is_change) over (partition by product_id order by effective_at), true) as is_last_of_run
    from marked
),

versions as (
    select
        product_id,
        name,
        category,
        brand,
        list_price,
        unit_cost,
        reorder_point,
        valid_from,
        valid_to,
        false as is_inferred
    from spans
    where is_last_of_run and not is_deleted
),

inferred_members as (
    select
        named_products.product_id,
        cast(null as varchar) as name,
        cast(null as varchar) as category,
        cast(null as varchar) as brand,
        cast(null as decimal(18, 4)) as list_price,
        cast(null as decimal(18, 4)) as unit_cost,
        cast(null as bigint) as reorder_point,
        timestamp '1970-01-01 00:00:00' as valid_from,
        cast(null as timestamp) as valid_to,
        true as is_inferred
    from named_products
    where not exists (
        select 1 from versions where versions.product_id = named_products.product_id
    )
),

members as (
    select
        product_id, name, category, brand, list_price, unit_cost, reorder_point, valid_from, valid_to, is_inferred
    from versions
    union all
    select
        product_id, name, category, brand, list_price, unit_cost, reorder_point, valid_from, valid_to, is_inferred
    from inferred_members
),

final as (
    select
        md5(product_id || '|' || strftime(valid_from, '%Y-%m-%d %H:%M:%S.%f')) as product_key,
        product_id,
        name,
        category,
        brand,
        cast(list_price as decimal(18, 4)) as list_price,
        cast(unit_cost as decimal(18, 4)) as unit_cost,
        cast(reorder_point as bigint) as reorder_point,
        valid_from,
        valid_to,
        valid_to is null as is_current,
        row_number() over (partition by product_id order by valid_from) as version,
        is_inferred
    from members
)

select * from final
