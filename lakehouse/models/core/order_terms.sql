with orders as (
    select
        order_id,
        source,
        customer_id,
        status,
        created_at,
        delivered_at,
        channel,
        country,
        currency,
        payment_method
    from core_orders
),

settings as (
    select business_time_zone, reporting_currency from run_settings
),

fx_rates as (
    select date, currency, rate, source from core_fx_rates
),

dated as (
    select
        orders.order_id,
        orders.source,
        orders.customer_id,
        orders.status,
        orders.created_at,
        orders.delivered_at,
        cast(orders.created_at at time zone 'UTC' at time zone settings.business_time_zone as date) as order_date,
        cast(
            orders.delivered_at at time zone 'UTC' at time zone settings.business_time_zone as date
        ) as delivered_date,
        orders.channel,
        orders.country,
        orders.currency,
        orders.payment_method,
        coalesce(orders.status in ('paid', 'fulfilled', 'delivered', 'returned'), false) as is_revenue,
        coalesce(orders.currency = settings.reporting_currency, false) as is_reporting_currency
    from orders
    cross join settings
),

foreign_days as (
    select distinct currency, order_date
    from dated
    where not is_reporting_currency
),

candidate_rates as (
    select
        foreign_days.currency,
        foreign_days.order_date,
        fx_rates.rate,
        row_number() over (
            partition by foreign_days.currency, foreign_days.order_date
            order by
                fx_rates.date desc,
                case when fx_rates.source = 'native' then 0 else 1 end,
                fx_rates.source
        ) as position
    from foreign_days
    inner join fx_rates
        on foreign_days.currency = fx_rates.currency
        and fx_rates.date <= foreign_days.order_date
        -- An older rate says nothing about the day of the order.
        and fx_rates.date >= foreign_days.order_date - interval 7 day
),

latest_rates as (
    select currency, order_date, rate
    from candidate_rates
    where position = 1
),

final as (
    select
        dated.order_id,
        dated.source,
        dated.customer_id,
        dated.status,
        dated.created_at,
        dated.order_date,
        dated.delivered_at,
        dated.delivered_date,
        dated.channel,
        dated.country,
        dated.currency,
        dated.payment_method,
        dated.is_revenue,
        cast(case when dated.is_reporting_currency then 1 else latest_rates.rate end as decimal(18, 8)) as rate,
        not dated.is_reporting_currency and latest_rates.rate is null as is_unconverted
    from dated
    left join latest_rates
        on dated.currency = latest_rates.currency
        and dated.order_date = latest_rates.order_date
)

select * from final
