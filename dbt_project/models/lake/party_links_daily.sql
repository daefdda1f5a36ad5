{%- set day = service_date() -%}

with day as (

    select date '{{ day }}' as service_date

),

customers as (

    select c.*
    from {{ source('raw_lake', 'reference_customers') }} as c
    inner join ({{ snapshot_in_force('customers', 'day') }}) as s on s.receipt_id = c.receipt_id

),

upstreams as (

    select u.*
    from {{ source('raw_lake', 'reference_upstreams') }} as u
    inner join ({{ snapshot_in_force('upstreams', 'day') }}) as s on s.receipt_id = u.receipt_id

),

keys as (

    {% for key in ['parent_id', 'tax_id', 'address', 'payment_ref', 'contact_email'] -%}
    select 'customer' as party_kind, customer_id as party_id, '{{ key }}' as link_key, lower(trim({{ key }})) as link_value
    from customers
    union
    {% endfor -%}
    select 'upstream' as party_kind, upstream_id as party_id, 'parent_id' as link_key, lower(trim(parent_id)) as link_value
    from upstreams

),

-- a party that is named as another's parent is linked with it too
parents as (

    select party_kind, party_id, link_key, link_value from keys where link_value <> ''
    union
    select 'customer' as party_kind, customer_id as party_id, 'parent_id' as link_key, lower(trim(customer_id)) as link_value
    from customers
    union
    select 'upstream' as party_kind, upstream_id as party_id, 'parent_id' as link_key, lower(trim(upstream_id)) as link_value
    from upstreams

)

select
    date '{{ day }}' as service_date,
    a.party_kind,
    a.party_id,
    b.party_kind as linked_party_kind,
    b.party_id as linked_party_id,
    a.link_key
from parents as a
inner join parents as b
    on b.link_key = a.link_key
    and b.link_value = a.link_value
    and (b.party_kind <> a.party_kind or b.party_id <> a.party_id)
group by a.party_kind, a.party_id, b.party_kind, b.party_id, a.link_key
