with parties as (

    select p.service_date, p.party_kind, p.party_id
    from {{ ref('party_daily') }} as p
    inner join {{ ref('days_to_build') }} as d using (service_date)

),

-- The strictest that holds the party back on the day; of several the one that stood first.
standing as (

    select distinct on (p.service_date, p.party_kind, p.party_id)
        p.service_date,
        p.party_kind,
        p.party_id,
        r.state,
        r.restrained_on + 1 as since,
        r.case_id
    from parties as p
    inner join {{ ref('stg_restraints') }} as r
        on r.party_kind = p.party_kind
        and r.party_id = p.party_id
        and r.restrained_on < p.service_date
        and (r.released_on is null or r.released_on > p.service_date)
    order by p.service_date, p.party_kind, p.party_id, r.strictness desc, r.restrained_on, r.entry_id

),

released as (

    select distinct on (p.service_date, p.party_kind, p.party_id) p.service_date, p.party_kind, p.party_id, r.released_on, r.watch_until
    from parties as p
    inner join {{ ref('stg_releases') }} as r
        on r.party_kind = p.party_kind and r.party_id = p.party_id and r.released_on <= p.service_date
    order by p.service_date, p.party_kind, p.party_id, r.released_on desc, r.entry_id desc

),

-- several keys may link the same two
linked as (

    select
        l.service_date,
        l.party_kind,
        l.party_id,
        count(distinct (l.linked_party_kind, l.linked_party_id)) as linked_restrained
    from {{ ref('party_links_daily') }} as l
    inner join standing as s
        on s.service_date = l.service_date and s.party_kind = l.linked_party_kind and s.party_id = l.linked_party_id
    where s.state in ('suspended', 'terminated')
    group by l.service_date, l.party_kind, l.party_id

)

select
    p.service_date,
    p.party_kind,
    p.party_id,
    coalesce(s.state, 'active') as state,
    case when s.state is null then r.released_on else s.since end as since,
    case when r.watch_until >= p.service_date then r.watch_until end as watch_until,
    s.case_id,
    coalesce(l.linked_restrained, 0) as linked_restrained
from parties as p
left join standing as s using (service_date, party_kind, party_id)
left join released as r using (service_date, party_kind, party_id)
left join linked as l using (service_date, party_kind, party_id)
