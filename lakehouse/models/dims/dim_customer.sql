with events as (
    select
        customer_id,
        coalesce(updated_at, _ingested_at) as effective_at,
        coalesce(is_deleted, false) as is_deleted,
        email,
        full_name,
        country,
        region,
        age_group,
        acquisition_channel,
        acquisition_cost,
        registered_at,
        _ingested_at,
        _row_number
    from core_customers
    where customer_id is not null and coalesce(updated_at, _ingested_at) is not null
),

ordering_customers as (
    select distinct customer_id from core_orders where customer_id is not null
),

ranked_events as (
    select
        *,
        row_number() over (
            partition by customer_id, effective_at
            order by
                is_deleted desc,
                _ingested_at desc nulls last,
                _row_number desc nulls last,
                -- The rest only makes the choice the same whatever the order of the rows.
                email, full_name, country, region, age_group, acquisition_channel, acquisition_cost, registered_at
        ) as position
    from events
),

one_per_instant as (
    select * from ranked_events where position = 1
),

previous_state as (
    select
        *,
        lag(is_deleted) over (partition by customer_id order by effective_at) as previous_is_deleted,
        lag(email) over (partition by customer_id order by effective_at) as previous_email,
        lag(full_name) over (partition by customer_id order by effective_at) as previous_full_name,
        lag(country) over (partition by customer_id order by effective_at) as previous_country,
        lag(region) over (partition by customer_id order by effective_at) as previous_region,
        lag(age_group) over (partition by customer_id order by effective_at) as previous_age_group,
        lag(acquisition_channel) over (
            partition by customer_id order by effective_at
        ) as previous_acquisition_channel
    from one_per_instant
),

marked as (
    select
        *,
        case
            -- The first event of a key has no previous state, which is distinct from either value.
            when is_deleted is distinct from previous_is_deleted then true
            when is_deleted then false
            else email is distinct from previous_email
                or full_name is distinct from previous_full_name
                or country is distinct from previous_country
                or region is distinct from previous_region
                or age_group is distinct from previous_age_group
                or acquisition_channel is distinct from previous_acquisition_channel
        end as is_change
    from previous_state
),

spans as (
    select
        *,
        max(case when is_change then effective_at end) over (
            partition by customer_id order by effective_at
        ) as valid_from,
        lead(effective_at) over (partition by customer_id order by effective_at) as valid_to,
        -- The last event of a run of equal states carries the latest untracked attributes.
        coalesce(lead(is_change) over (partition by customer_id order by effective_at), true) as is_last_of_run
    from marked
),

versions as (
    select
        customer_id,
        email,
        full_name,
        country,
        region,
        age_group,
        acquisition_channel,
        acquisition_cost,
        registered_at,
        valid_from,
        valid_to,
        false as is_inferred
    from spans
    where is_last_of_run and not is_deleted
),

inferred_members as (
    select
        ordering_customers.customer_id,
        cast(null as varchar) as email,
        cast(null as varchar) as full_name,
        cast(null as varchar) as country,
        cast(null as varchar) as region,
        cast(null as varchar) as age_group,
        cast(null as varchar) as acquisition_channel,
        cast(null as decimal(18, 4)) as acquisition_cost,
        cast(null as timestamp) as registered_at,
        timestamp '1970-01-01 00:00:00' as valid_from,
        cast(null as timestamp) as valid_to,
        true as is_inferred
    from ordering_customers
    where not exists (
        select 1 from versions where versions.customer_id = ordering_customers.customer_id
    )
),

members as (
    select
        customer_id, email, full_name, country, region, age_group, acquisition_channel, acquisition_cost,
        registered_at, valid_from, valid_to, is_inferred
    from versions
    union all
    select
        customer_id, email, full_name, country, region, age_group, acquisition_channel, acquisition_cost,
        registered_at, valid_from, valid_to, is_inferred
    from inferred_members
),

final as (
    select
        md5(customer_id || '|' || strftime(valid_from, '%Y-%m-%d %H:%M:%S.%f')) as customer_key,
        customer_id,
        email,
        full_name,
        country,
        region,
        age_group,
        acquisition_channel,
        cast(acquisition_cost as decimal(18, 4)) as acquisition_cost,
        registered_at,
        valid_from,
        valid_to,
        valid_to is null as is_current,
        row_number() over (partition by customer_id order by valid_from) as version,
        is_inferred
    from members
)

select * from final
