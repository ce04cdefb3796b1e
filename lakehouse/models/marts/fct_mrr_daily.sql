with settings as (
    select as_of_date from run_settings
),

bookings as (
    select customer_id, booking_date, kind, monthly_recurring_revenue, amount from fct_bookings
),

span as (
    select min(booking_date) as first_date, max(booking_date) as last_date from bookings
),

calendar as (
    select
        cast(
            unnest(
                generate_series(span.first_date, greatest(span.last_date, settings.as_of_date), interval 1 day)
            ) as date
        ) as date
    from span
    cross join settings
    where span.first_date is not null
),

movements as (
    select
        booking_date,
        coalesce(sum(monthly_recurring_revenue) filter (where kind = 'new'), 0) as new_mrr,
        coalesce(sum(monthly_recurring_revenue) filter (where kind = 'expansion'), 0) as expansion_mrr,
        coalesce(sum(monthly_recurring_revenue) filter (where kind = 'contraction'), 0) as contraction_mrr,
        coalesce(sum(monthly_recurring_revenue) filter (where kind = 'churn'), 0) as churn_mrr,
        coalesce(sum(monthly_recurring_revenue) filter (where kind = 'renewal'), 0) as renewal_mrr,
        sum(amount) as bookings_amount
    from bookings
    group by booking_date
),

-- A renewal goes on with what already is: it moves nothing.
customer_days as (
    select
        customer_id,
        booking_date,
        sum(case when kind = 'renewal' then 0 else monthly_recurring_revenue end) as change
    from bookings
    group by customer_id, booking_date
),

customer_balances as (
    select
        customer_id,
        booking_date,
        change,
        sum(change) over (partition by customer_id order by booking_date) as balance
    from customer_days
),

customer_changes as (
    select
        booking_date,
        sum(
            case when balance > 0 then 1 else 0 end - case when balance - change > 0 then 1 else 0 end
        ) as customers
    from customer_balances
    group by booking_date
),

flows as (
    select
        calendar.date,
        coalesce(movements.new_mrr, 0) as new_mrr,
        coalesce(movements.expansion_mrr, 0) as expansion_mrr,
        coalesce(movements.contraction_mrr, 0) as contraction_mrr,
        coalesce(movements.churn_mrr, 0) as churn_mrr,
        coalesce(movements.renewal_mrr, 0) as renewal_mrr,
        coalesce(movements.bookings_amount, 0) as bookings_amount,
        coalesce(customer_changes.customers, 0) as customers
    from calendar
    left join movements
        on calendar.date = movements.booking_date
    left join customer_changes
        on calendar.date = customer_changes.booking_date
),

balances as (
    select
        *,
        new_mrr + expansion_mrr + contraction_mrr + churn_mrr as movement,
        sum(new_mrr + expansion_mrr + contraction_mrr + churn_mrr) over (order by date) as closing_mrr,
        sum(customers) over (order by date) as closing_customers
    from flows
),

final as (
    select
        date,
        cast(closing_mrr - movement as decimal(18, 4)) as opening_mrr,
        cast(new_mrr as decimal(18, 4)) as new_mrr,
        cast(expansion_mrr as decimal(18, 4)) as expansion_mrr,
        cast(contraction_mrr as decimal(18, 4)) as contraction_mrr,
        cast(churn_mrr as decimal(18, 4)) as churn_mrr,
        cast(renewal_mrr as decimal(18, 4)) as renewal_mrr,
        cast(closing_mrr as decimal(18, 4)) as closing_mrr,
        cast(closing_customers as bigint) as customers,
        cast(bookings_amount as decimal(18, 4)) as bookings_amount
    from balances
)

select * from final
