-- A version of a customer per invoice, for a few customers move; equal versions collapse in the dimension.
with lines as (select * from online_retail_lines),

versions as (
    select
        customer_id,
        invoiced_at,
        country,
        -- Two invoices at one instant: the country of the higher invoice number holds.
        row_number() over (
            partition by customer_id, invoiced_at
            order by invoice_no desc, line_number desc
        ) as preference
    from lines
    where customer_id is not null
),

first_invoices as (
    select
        customer_id,
        min(invoiced_at) as registered_at
    from lines
    where customer_id is not null
    group by customer_id
),

final as (
    select
        versions.customer_id,
        versions.country,
        case
            when versions.country = 'Unspecified' then null
            when versions.country = 'United Kingdom' then 'United Kingdom'
            when versions.country in (
                'Austria', 'Belgium', 'Channel Islands', 'Cyprus', 'Czech Republic', 'Denmark', 'EIRE',
                'European Community', 'Finland', 'France', 'Germany', 'Greece', 'Iceland', 'Italy',
                'Lithuania', 'Malta', 'Netherlands', 'Norway', 'Poland', 'Portugal', 'Spain', 'Sweden',
                'Switzerland'
            ) then 'Europe'
            else 'Rest of world'
        end as region,
        first_invoices.registered_at,
        versions.invoiced_at as updated_at
    from versions
    inner join first_invoices on versions.customer_id = first_invoices.customer_id
    where versions.preference = 1
)

select * from final
