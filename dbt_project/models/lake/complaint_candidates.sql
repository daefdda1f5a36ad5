{{ config(meta={'days': 'evidence_days', 'publish': true}) }}

select
    service_date,
    feed,
    complaint_id,
    receipt_id,
    source_line,
    source,
    party_id as customer_id,
    calls,
    1 / cast(count(*) over (partition by receipt_id, source_line) as double precision) as weight
from {{ ref('complaint_parties') }}
where party_kind = 'customer'
