-- A version of a product per month in which it sold, at the price most often charged in that month.
-- A code that never sold has one version without a price.
with lines as (select * from online_retail_lines),

-- Text on lines with price 0 is mostly a stock clerk's note ("damages"), so it names no product.
descriptions as (
    select
        stock_code,
        description,
        row_number() over (partition by stock_code order by count(*) desc, description) as preference
    from lines
    where is_revenue and description is not null
    group by stock_code, description
),

prices as (
    select
        stock_code,
        date_trunc('month', invoiced_at) as month,
        unit_price,
        row_number() over (
            partition by stock_code, date_trunc('month', invoiced_at)
            order by count(*) desc, unit_price
        ) as preference
    from lines
    where kind = 'sale'
    group by stock_code, date_trunc('month', invoiced_at), unit_price
),

modal_prices as (
    select
        stock_code,
        month,
        unit_price
    from prices
    where preference = 1
),

products as (
    select
        stock_code,
        date_trunc('month', min(invoiced_at)) as first_month
    from lines
    group by stock_code
),

final as (
    select
        products.stock_code as product_id,
        descriptions.description as name,
        case
            -- Carriage, packing and a voucher that carry the number of an article.
            when products.stock_code in ('23444', '23574', '22016') then 'service'
            when regexp_matches(products.stock_code, '^[0-9]{5}') then 'merchandise'
            when products.stock_code like 'DCGS%' or products.stock_code = 'PADS' then 'merchandise'
            else 'service'
        end as category,
        modal_prices.unit_price as list_price,
        coalesce(modal_prices.month, products.first_month) as updated_at
    from products
    left join modal_prices on products.stock_code = modal_prices.stock_code
    left join descriptions
        on products.stock_code = descriptions.stock_code and descriptions.preference = 1
)

select * from final
