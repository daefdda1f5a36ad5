with days as (

    select service_date from {{ ref('days_to_build') }}

),

-- only a single call found names a party; several notices about one call are one traced call
traced as (

    select
        d.service_date,
        n.party_kind,
        n.party_id,
        concat_ws('|', n.call_feed, n.switch_id, n.call_id) as traced_call,
        n.violation_class in ('fraud', 'prerecorded', 'live_scam') as is_grave
    from days as d
    inner join {{ ref('notice_matches') }} as n
        on n.service_date between d.service_date - 29 and d.service_date
    where n.match_status = 'unique' and n.party_id is not null

),

links as (

    select l.service_date, l.party_kind, l.party_id, l.linked_party_kind, l.linked_party_id
    from {{ ref('party_links_daily') }} as l
    inner join days using (service_date)
    group by 1, 2, 3, 4, 5

),

traced_linked as (

    select service_date, party_kind, party_id, traced_call from traced
    union
    select l.service_date, l.party_kind, l.party_id, t.traced_call
    from links as l
    inner join traced as t
        on t.service_date = l.service_date
        and t.party_kind = l.linked_party_kind
        and t.party_id = l.linked_party_id

),

own as (

    select
        service_date,
        party_kind,
        party_id,
        count(distinct traced_call) as tracebacks,
        count(distinct traced_call) filter (where is_grave) as grave
    from traced
    group by 1, 2, 3

),

with_links as (

    select service_date, party_kind, party_id, count(*) as tracebacks from traced_linked group by 1, 2, 3

),

linked_parties as (

    select
        service_date,
        party_kind,
        party_id,
        array_agg(distinct linked_party_id order by linked_party_id) as linked_party_ids
    from links
    group by 1, 2, 3

)

select
    p.service_date,
    p.party_kind,
    p.party_id,
    coalesce(o.tracebacks, 0) as tracebacks_30d,
    coalesce(o.grave, 0) as tracebacks_originated_30d,
    coalesce(w.tracebacks, 0) as tracebacks_30d_linked,
    coalesce(l.linked_party_ids, '{}') as linked_party_ids
from {{ ref('party_daily') }} as p
inner join days using (service_date)
left join own as o using (service_date, party_kind, party_id)
left join with_links as w using (service_date, party_kind, party_id)
left join linked_parties as l using (service_date, party_kind, party_id)
