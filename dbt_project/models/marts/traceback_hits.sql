{{ config(materialized='view') }}

-- On the newest processed day, and on every later one that notices were received on: there a notice is acted on at once,
-- long before the day's calls are there.
with newest as (

    select max(service_date) as service_date from {{ source('ops', 'processed_days') }}

),

days as (

    select distinct greatest(m.service_date, n.service_date) as service_date, n.service_date as reference_date
    from {{ ref('traced_calls') }} as m
    inner join newest as n on m.service_date > n.service_date - 30

),

tracebacks as (

    {{ tracebacks_of('days') }}

),

metrics as (

    select
        t.service_date,
        t.party_kind,
        t.party_id,
        m.metric,
        m.value::double precision as numerator,
        null::double precision as denominator,
        m.value::double precision as value,
        m.value::double precision as lower_bound,
        m.value::double precision as upper_bound,
        false as calls_are_complete
    from tracebacks as t
    cross join lateral (
        values
        ('tracebacks_30d', t.tracebacks_30d),
        ('tracebacks_originated_30d', t.tracebacks_originated_30d),
        ('tracebacks_30d_linked', t.tracebacks_30d_linked),
        ('tracebacks_after_termination_30d', t.tracebacks_after_termination_30d)
    ) as m (metric, value)

)

select
    h.service_date,
    h.party_kind,
    h.party_id,
    p.legal_name,
    t.linked_party_ids,
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
inner join tracebacks as t on t.service_date = h.service_date and t.party_kind = h.party_kind and t.party_id = h.party_id
inner join days as d on d.service_date = h.service_date
inner join {{ ref('party_daily') }} as p on p.service_date = d.reference_date and p.party_kind = h.party_kind and p.party_id = h.party_id
cross join {{ ref('ruleset') }} as v
