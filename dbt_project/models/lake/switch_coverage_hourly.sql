select
    date '{{ service_date() }}' as service_date,
    feed,
    switch_id,
    hour,
    cast(count(*) as bigint) as attempts,
    cast(count(*) filter (where is_final) as bigint) as calls
from {{ ref('attempts_of_day') }}
group by feed, switch_id, hour
