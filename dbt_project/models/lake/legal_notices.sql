{%- set day = service_date() -%}

with day as (

    select date '{{ day }}' as service_date

),

notices as (

    select n.*, row_number() over (partition by n.notice_id order by n.source_line desc) as newest_line
    from {{ source('raw_lake', 'reference_enforcement_notices') }} as n
    inner join ({{ snapshot_in_force('enforcement_notices', 'day') }}) as s on s.receipt_id = n.receipt_id
    where n.notice_id is not null

)

select
    date '{{ day }}' as service_date,
    notice_id,
    authority,
    kind,
    party_kind,
    party_id,
    received_at,
    due_at
from notices
where newest_line = 1
