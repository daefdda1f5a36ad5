{%- set metrics = customer_metrics() -%}

with metrics as (

    select
        service_date,
        {{ metric_columns(metrics) }}
        party_id as customer_id
    from {{ ref('party_metrics_daily') }}
    where party_kind = 'customer'
    group by service_date, party_id

)

select
    v.service_date,
    v.party_id as customer_id,
    p.legal_name,
    p.customer_type,
    p.country,
    p.traffic_class,
    p.onboarded_on,
    p.kyc_verified_on,
    p.protected,
    p.max_cps,
    p.max_concurrent,
    p.verified_caller_ids,
    v.data_status,
    v.data_reasons,
    v.recommendation,
    v.carried_recommendation,
    v.reason_codes,
    v.score,
    v.score_parts,
    u.state as party_state,
    u.watch_until,
    {% for name in metrics -%}
    m.{{ name }},
    {% endfor -%}
    x.party_id is not null as spoof_victim,
    x.since as spoof_victim_since,
    t.linked_party_ids,
    r.ruleset_version
from {{ ref('party_verdicts_daily') }} as v
inner join {{ ref('days_to_build') }} as d on d.service_date = v.service_date
inner join {{ ref('party_daily') }} as p
    on p.service_date = v.service_date and p.party_kind = v.party_kind and p.party_id = v.party_id
inner join {{ ref('party_tracebacks_daily') }} as t
    on t.service_date = v.service_date and t.party_kind = v.party_kind and t.party_id = v.party_id
inner join {{ ref('party_states_daily') }} as u
    on u.service_date = v.service_date and u.party_kind = v.party_kind and u.party_id = v.party_id
inner join metrics as m on m.service_date = v.service_date and m.customer_id = v.party_id
left join {{ ref('party_traits_daily') }} as x
    on x.service_date = v.service_date and x.party_kind = v.party_kind and x.party_id = v.party_id and x.trait = 'spoof_victim'
cross join {{ ref('ruleset') }} as r
where v.party_kind = 'customer'
