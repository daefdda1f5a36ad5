select
    date '{{ service_date() }}' as service_date,
    feed,
    receipt_id as file,
    switch_id,
    cast(count(*) as bigint) as attempts,
    max(end_at) as last_end_at,
    string_agg(distinct zone_as_sent, ', ' order by zone_as_sent) as zones
from {{ source('raw_lake', 'calls') }}
where service_date = date '{{ service_date() }}'
group by feed, receipt_id, switch_id
