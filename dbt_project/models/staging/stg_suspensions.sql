with approved as (

    select r.party_kind, r.party_id, r.service_date, r.recommendation_id
    from {{ ref('stg_recommendations') }} as r
    inner join {{ ref('stg_reviews') }} as v on v.case_id = r.recommendation_id
    where r.recommendation = 'SUSPEND' and v.decision = 'approve'

),

releases as (

    select party_kind, party_id, service_date
    from {{ source('decisions', 'ledger') }}
    where entry_type = 'release'

)

select
    a.party_kind,
    a.party_id,
    a.service_date as suspended_on,
    min(r.service_date) as released_on,
    a.recommendation_id
from approved as a
left join releases as r
    on r.party_kind = a.party_kind
    and r.party_id = a.party_id
    and r.service_date > a.service_date
group by a.party_kind, a.party_id, a.service_date, a.recommendation_id
