{%- set metrics = upstream_metrics() -%}

with metrics as (

    select
        service_date,
        {{ metric_columns(metrics) }}
        party_id as upstream_id
    from {{ ref('party_metrics_daily') }}
    where party_kind = 'upstream'
    group by service_date, party_id

)

select
    v.service_date,
    v.party_id as upstream_id,
    p.legal_name,
    p.role,
    p.country,
    v.data_status,
    v.data_reasons,
    v.recommendation,
    v.carried_recommendation,
    v.reason_codes,
    v.score,
    v.score_parts,
    u.state as party_state,
    u.watch_until,
    g.rmd_status,
    g.rmd_number,
    g.frn,
    g.last_recertified as rmd_last_recertified,
    v.service_date - g.last_recertified as rmd_days_since_recertification,
    g.last_updated as rmd_last_updated,
    p.traceback_terms,
    p.us_caller_id_recourse,
    p.onboarded_on,
    {% for name in metrics -%}
    m.{{ name }},
    {% endfor -%}
    t.linked_party_ids,
    r.ruleset_version
from {{ ref('party_verdicts_daily') }} as v
inner join {{ ref('days_to_build') }} as d on d.service_date = v.service_date
inner join {{ ref('party_daily') }} as p
    on p.service_date = v.service_date and p.party_kind = v.party_kind and p.party_id = v.party_id
inner join {{ ref('upstream_registry_daily') }} as g on g.service_date = v.service_date and g.upstream_id = v.party_id
inner join {{ ref('party_tracebacks_daily') }} as t
    on t.service_date = v.service_date and t.party_kind = v.party_kind and t.party_id = v.party_id
inner join {{ ref('party_states_daily') }} as u
    on u.service_date = v.service_date and u.party_kind = v.party_kind and u.party_id = v.party_id
inner join metrics as m on m.service_date = v.service_date and m.upstream_id = v.party_id
cross join {{ ref('ruleset') }} as r
where v.party_kind = 'upstream'
