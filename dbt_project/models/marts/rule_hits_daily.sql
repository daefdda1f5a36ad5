{{ config(tags=['judgement']) }}

with metrics as (

    select
        m.*,
        {{ may_be_judged('s.calls_status') }} as calls_are_complete
    from {{ ref('party_metrics_daily') }} as m
    inner join {{ ref('days_to_build') }} as d using (service_date)
    inner join {{ ref('party_data_status_daily') }} as s using (service_date, party_kind, party_id)

)

select
    h.service_date,
    h.party_kind,
    h.party_id,
    h.rule_code,
    h.tier,
    h.evidence,
    h.metric,
    h.numerator,
    h.denominator,
    h.value,
    h.bound,
    h.bound_kind,
    h.operator,
    h.threshold,
    h.min_sample,
    v.ruleset_version
from ({{ rules_met('metrics') }}) as h
cross join {{ ref('ruleset') }} as v
where not exists (
    select from {{ ref('held_evidence_daily') }} as held
    where held.service_date = h.service_date and held.party_kind = h.party_kind and held.evidence = h.evidence
)
