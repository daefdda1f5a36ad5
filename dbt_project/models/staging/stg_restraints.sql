-- What holds a party back, and the release that ended it: one that was appended after it, whatever the days looked like.
with imposed as (

    select
        v.entry_id,
        r.party_kind,
        r.party_id,
        case r.recommendation when 'SUSPEND' then 'suspended' else 'restricted' end as state,
        r.service_date as restrained_on,
        r.case_id
    from {{ ref('stg_recommendations') }} as r
    inner join {{ ref('stg_reviews') }} as v on v.case_id = r.recommendation_id
    where r.recommendation in ('SUSPEND', 'RESTRICT') and v.decision = 'approve'

    union all

    -- whoever is cut off behind an upstream is its customer, not the upstream
    select entry_id, party_kind, party_id, 'terminated', (at at time zone 'UTC')::date, subject_id
    from {{ ref('stg_transitions') }}
    where state = 'caller_terminated' and party_kind = 'customer'

)

select
    i.entry_id,
    i.party_kind,
    i.party_id,
    i.state,
    array_position(array['restricted', 'suspended', 'terminated'], i.state) as strictness,
    i.restrained_on,
    min(r.released_on) as released_on,
    i.case_id
from imposed as i
left join {{ ref('stg_releases') }} as r
    on r.party_kind = i.party_kind
    and r.party_id = i.party_id
    and r.entry_id > i.entry_id
group by i.entry_id, i.party_kind, i.party_id, i.state, i.restrained_on, i.case_id
