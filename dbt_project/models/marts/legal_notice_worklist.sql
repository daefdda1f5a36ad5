{{ config(materialized='view', grants={'+select': ['tollgate_notifier']}) }}

with newest as (

    select max(service_date) as service_date from {{ ref('feed_delivery_daily') }}

),

notices as (

    select n.*, n.received_at at time zone 'UTC' as received
    from {{ ref('legal_notices') }} as n
    inner join newest using (service_date)

),

-- the first suspension of the party that a person approved after the notice came
mitigated as (

    select n.notice_id, min(v.recorded_at) as mitigated_at
    from notices as n
    inner join {{ ref('stg_recommendations') }} as r
        on r.party_kind = n.party_kind and r.party_id = n.party_id and r.recommendation = 'SUSPEND' and r.case_id = r.recommendation_id
    inner join {{ ref('stg_reviews') }} as v on v.case_id = r.case_id and v.decision = 'approve' and v.recorded_at >= n.received
    group by n.notice_id

),

overdue as (

    select subject_id as notice_id, min(at) as overdue_since
    from {{ ref('stg_transitions') }}
    where subject = 'legal_notice' and state = 'overdue'
    group by subject_id

)

select
    n.received::date as service_date,
    n.notice_id,
    n.authority,
    n.kind,
    n.party_kind,
    n.party_id,
    n.received as received_at,
    n.due_at at time zone 'UTC' as due_at,
    case n.kind
        when 'cease_and_desist' then n.received + interval '48 hours'
        when 'suspected_illegal' then coalesce(n.due_at at time zone 'UTC', n.received + interval '14 days')
        else n.received
    end as mitigate_by,
    case n.kind
        when 'order' then null
        when 'suspected_illegal' then coalesce(n.due_at at time zone 'UTC', n.received + interval '14 days')
        else n.received + interval '14 days'
    end as report_by,
    m.mitigated_at,
    o.overdue_since
from notices as n
left join mitigated as m using (notice_id)
left join overdue as o using (notice_id)
