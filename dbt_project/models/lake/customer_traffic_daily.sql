with attempts as (

    select * from {{ ref('attempts_of_day') }} where party_kind = 'customer'

),

counts as (

    select party_id, {{ traffic_counts() }} from attempts group by party_id

),

peaks as (

    {{ peak_cps('attempts') }}

)

select
    date '{{ service_date() }}' as service_date,
    c.party_id as customer_id,
    {{ traffic_count_names() | join(',\n    ') }},
    p.peak_cps,
    c.declared_campaign_attempts
from counts as c
inner join peaks as p on p.party_id = c.party_id
