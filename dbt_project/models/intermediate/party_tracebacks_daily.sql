with days as (

    select service_date, service_date as reference_date from {{ ref('days_to_build') }}

),

-- answered: when a person first said that the requester was answered
answered as (

    select subject_id as traceback_id, min(at) as at
    from {{ ref('stg_transitions') }}
    where subject = 'traceback' and state like 'responded\_%'
    group by subject_id

),

traced as (

    select
        d.service_date,
        n.party_kind,
        n.party_id,
        d.service_date - n.service_date as days_ago,
        n.traced_call,
        n.campaign,
        n.traceback_id,
        n.received_at + interval '24 hours' <= d.service_date + 1 as is_due,
        coalesce(a.at at time zone 'UTC' < d.service_date + 1, false) as is_answered
    from {{ ref('days_to_build') }} as d
    inner join {{ ref('traced_calls') }} as n on n.service_date between d.service_date - 364 and d.service_date
    left join answered as a on a.traceback_id = n.traceback_id

),

counted as (

    select
        service_date,
        party_kind,
        party_id,
        count(distinct traced_call) filter (where days_ago = 0) as tracebacks_1d,
        count(distinct traced_call) filter (where days_ago < 90) as tracebacks_90d,
        count(distinct traced_call) as tracebacks_365d,
        count(distinct traceback_id) filter (where not is_answered) as tracebacks_open,
        count(distinct traceback_id) filter (where not is_answered and is_due) as tracebacks_overdue
    from traced
    group by service_date, party_kind, party_id

),

campaigns as (

    select service_date, party_kind, party_id, count(*) as repeated
    from (
        select service_date, party_kind, party_id, campaign
        from traced
        where days_ago < 30 and campaign is not null
        group by service_date, party_kind, party_id, campaign
        having count(distinct traced_call) > 1
    ) as again
    group by service_date, party_kind, party_id

)

select
    t.service_date,
    t.party_kind,
    t.party_id,
    coalesce(c.tracebacks_1d, 0) as tracebacks_1d,
    t.tracebacks_30d,
    coalesce(c.tracebacks_90d, 0) as tracebacks_90d,
    coalesce(c.tracebacks_365d, 0) as tracebacks_365d,
    t.tracebacks_originated_30d,
    t.tracebacks_30d_linked,
    t.tracebacks_after_termination_30d,
    coalesce(r.repeated, 0) as traceback_campaigns_repeated_30d,
    coalesce(c.tracebacks_open, 0) as tracebacks_open,
    coalesce(c.tracebacks_overdue, 0) as tracebacks_overdue,
    t.linked_party_ids
from ({{ tracebacks_of('days') }}) as t
left join counted as c using (service_date, party_kind, party_id)
left join campaigns as r using (service_date, party_kind, party_id)
