with customers as (
    select
        customer_key, customer_id, email, full_name, country, region, age_group, acquisition_channel,
        acquisition_cost, registered_at, valid_from, version, is_inferred, is_current
    from dim_customer
),

final as (
    select
        customer_key, customer_id, email, full_name, country, region, age_group, acquisition_channel,
        acquisition_cost, registered_at, valid_from, version, is_inferred
    from customers
    where is_current
)

select * from final
