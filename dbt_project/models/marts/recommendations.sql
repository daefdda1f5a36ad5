{{ config(materialized='view') }}

with newest_day as (

    select max(service_date) as service_date from {{ source('ops', 'processed_days') }}

),

parties as (

    select p.service_date, p.party_kind, p.party_id, p.legal_name
    from {{ ref('party_daily') }} as p
    inner join newest_day using (service_date)

),

-- Restated verdicts stand beside the older ones: the newest entry of the newest date speaks. What a notice made of a party
-- at once is of a later date than the newest processed one.
newest as (

    select distinct on (r.party_kind, r.party_id) r.*
    from {{ ref('stg_recommendations') }} as r
    order by r.party_kind, r.party_id, r.service_date desc, r.entry_id desc

),

blocked as (

    select distinct service_date from {{ ref('stg_gate_blocks') }} where gate = 'marts'

),

-- what holds a party back today: whatever no release has ended
standing as (

    select distinct on (party_kind, party_id) party_kind, party_id, state
    from {{ ref('stg_restraints') }}
    where released_on is null
    order by party_kind, party_id, strictness desc

)

select
    p.party_kind,
    p.party_id,
    p.legal_name,
    n.recommendation_id,
    n.service_date,
    n.recommendation,
    n.reason_codes,
    case
        when coalesce(n.service_date < p.service_date, true) and b.service_date is not null then 'blocked'
        when coalesce(n.service_date < p.service_date, true) then 'pending'
        when n.recommendation not in ('SUSPEND', 'RESTRICT') then 'no_review_needed'
        when v.decision = 'approve' then 'approved'
        when v.decision = 'reject' then 'rejected'
        when e.case_id is not null then 'escalated'
        else 'open'
    end as status,
    n.case_id,
    v.reviewer,
    v.recorded_at as reviewed_at,
    case when n.recommendation in ('SUSPEND', 'RESTRICT') then c.recorded_at + interval '24 hours' end as expires_at,
    coalesce(s.state, 'active') as party_state
from parties as p
left join newest as n using (party_kind, party_id)
left join {{ ref('stg_reviews') }} as v on v.case_id = n.case_id
left join {{ ref('stg_recommendations') }} as c on c.recommendation_id = n.case_id
left join {{ ref('stg_escalations') }} as e on e.case_id = n.case_id
left join standing as s on s.party_kind = p.party_kind and s.party_id = p.party_id
left join blocked as b on b.service_date = p.service_date
