with products as (
    select
        product_key, product_id, name, category, brand, list_price, unit_cost, reorder_point,
        valid_from, version, is_inferred, is_current
    from dim_product
),

final as (
    select
        product_key, product_id, name, category, brand, list_price, unit_cost, reorder_point,
        valid_from, version, is_inferred
    from products
    where is_current
)

select * from final
