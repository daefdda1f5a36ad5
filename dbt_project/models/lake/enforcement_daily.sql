{%- set day = service_date() -%}

with day as (

    select date '{{ day }}' as service_date

)

select
    date '{{ day }}' as service_date,
    n.party_kind,
    n.party_id,
    cast(count(distinct n.notice_id) as bigint) as legal_notices,
    max(n.received_at) as newest_received_at
from {{ source('raw_lake', 'reference_enforcement_notices') }} as n
inner join ({{ snapshot_in_force('enforcement_notices', 'day') }}) as s on s.receipt_id = n.receipt_id
where n.received_at < cast(date '{{ day }}' as timestamp) + interval '1' day
group by n.party_kind, n.party_id
