-- The catalogue names the facts that make each metric, so that a metric is a row of it.
with facts as materialized (

    select f.service_date, f.party_kind, f.party_id, to_jsonb(f) as facts
    from {{ ref('party_facts_daily') }} as f
    inner join {{ ref('days_to_build') }} as d using (service_date)

),

-- kind: share = part of a whole, judged by its Wilson bounds; ratio and count stand for themselves
long as (

    select
        f.service_date,
        f.party_kind,
        f.party_id,
        m.metric,
        m.kind,
        coalesce(m.scale, 1) as scale,
        (f.facts ->> m.numerator)::double precision as numerator,
        (f.facts ->> m.denominator)::double precision as denominator
    from facts as f
    inner join {{ ref('metrics') }} as m on m.party_kind in (f.party_kind, 'any')

),

valued as (

    select
        *,
        case when kind = 'count' then numerator else numerator / nullif(denominator, 0) end * scale as value
    from long
    where numerator is not null and (kind = 'count' or denominator is not null)

)

select
    service_date,
    party_kind,
    party_id,
    metric,
    numerator,
    denominator,
    value,
    case when kind = 'share' then {{ wilson_lower('numerator', 'denominator') }} else value end as lower_bound,
    case when kind = 'share' then {{ wilson_upper('numerator', 'denominator') }} else value end as upper_bound
from valued
