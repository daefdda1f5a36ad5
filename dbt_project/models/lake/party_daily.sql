{%- set day = service_date() -%}

with day as (

    select date '{{ day }}' as service_date

),

customers as (

    select
        c.*,
        row_number() over (partition by c.customer_id order by c.source_line desc) as newest_line
    from {{ source('raw_lake', 'reference_customers') }} as c
    inner join ({{ snapshot_in_force('customers', 'day') }}) as s on s.receipt_id = c.receipt_id
    where c.customer_id is not null

),

upstreams as (

    select
        u.*,
        row_number() over (partition by u.upstream_id order by u.source_line desc) as newest_line
    from {{ source('raw_lake', 'reference_upstreams') }} as u
    inner join ({{ snapshot_in_force('upstreams', 'day') }}) as s on s.receipt_id = u.receipt_id
    where u.upstream_id is not null

),

caller_ids as (

    select i.customer_id, cast(count(*) as bigint) as verified
    from {{ source('raw_lake', 'reference_caller_ids') }} as i
    inner join ({{ snapshot_in_force('caller_ids', 'day') }}) as s on s.receipt_id = i.receipt_id
    where {{ valid_on('i', "date '" ~ day ~ "'") }}
    group by i.customer_id

),

-- customers with a declared, documented campaign on the day
campaigns as (

    select distinct g.customer_id
    from {{ source('raw_lake', 'reference_campaigns') }} as g
    inner join ({{ snapshot_in_force('campaigns', 'day') }}) as s on s.receipt_id = g.receipt_id
    where {{ valid_on('g', "date '" ~ day ~ "'") }}

)

select
    date '{{ day }}' as service_date,
    'customer' as party_kind,
    c.customer_id as party_id,
    c.legal_name,
    c.customer_type,
    c.country,
    cast(null as {{ dbt.type_string() }}) as role,
    c.onboarded_on,
    c.traffic_class,
    c.kyc_verified_on,
    g.customer_id is not null as has_campaign,
    -- null where nobody listed any: then none is unverified
    case when exists (select 1 from ({{ snapshot_in_force('caller_ids', 'day') }}) as s) then coalesce(i.verified, 0) end as verified_caller_ids,
    c.max_cps,
    c.max_concurrent,
    coalesce(c.protected, false) as protected,
    cast(null as boolean) as traceback_terms,
    false as us_caller_id_recourse,
    c.parent_id
from customers as c
left join campaigns as g on g.customer_id = c.customer_id
left join caller_ids as i on i.customer_id = c.customer_id
where c.newest_line = 1

union all

select
    date '{{ day }}' as service_date,
    'upstream' as party_kind,
    u.upstream_id as party_id,
    u.legal_name,
    cast(null as {{ dbt.type_string() }}) as customer_type,
    u.country,
    u.role,
    u.onboarded_on,
    cast(null as {{ dbt.type_string() }}) as traffic_class,
    cast(null as date) as kyc_verified_on,
    false as has_campaign,
    cast(null as bigint) as verified_caller_ids,
    cast(null as integer) as max_cps,
    cast(null as integer) as max_concurrent,
    false as protected,
    u.traceback_terms,
    coalesce(u.us_caller_id_recourse, false) as us_caller_id_recourse,
    u.parent_id
from upstreams as u
where u.newest_line = 1
