with parties as (

    select party_kind, party_id from {{ ref('party_daily') }}

)

select
    date '{{ service_date() }}' as service_date,
    a.feed,
    a.switch_id,
    coalesce(a.ingress_trunk, '') as ingress_trunk,
    cast(count(*) as bigint) as attempts
from {{ ref('attempts_of_day') }} as a
left join parties as p on p.party_kind = a.party_kind and p.party_id = a.party_id
where a.party_id is null
    or (a.party_kind in ('customer', 'upstream') and p.party_id is null)
group by a.feed, a.switch_id, coalesce(a.ingress_trunk, '')
