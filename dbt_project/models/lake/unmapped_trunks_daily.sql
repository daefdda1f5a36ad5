select
    date '{{ service_date() }}' as service_date,
    feed,
    switch_id,
    coalesce(ingress_trunk, '') as ingress_trunk,
    cast(count(*) as bigint) as attempts
from {{ ref('attempts_of_day') }}
where party_id is null
group by feed, switch_id, coalesce(ingress_trunk, '')
