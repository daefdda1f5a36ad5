{#- Everything that is counted of a party, one column each: seeds/metrics.csv says which of them make a metric. -#}
{%- set traffic = ['talk_ms', 'peak_cps', 'peak_hour_attempts', 'hours_active', 'peak_concurrent', 'signed', 'signed_by_main_signer'] -%}
{%- set numbers = [
  'distinct_calling_numbers', 'calling_entropy_microbits', 'distinct_called_numbers', 'most_to_one_number', 'called_in_full_tens', 'called_areas',
  'called_areas_attempts', 'called_area_entropy_microbits', 'neighbor_judged', 'neighbor_likely',
] -%}
{%- set tracebacks = [
  'tracebacks_1d', 'tracebacks_30d', 'tracebacks_90d', 'tracebacks_365d', 'tracebacks_originated_30d', 'tracebacks_30d_linked',
  'tracebacks_after_termination_30d', 'traceback_campaigns_repeated_30d', 'tracebacks_open', 'tracebacks_overdue',
] -%}
{%- set answers = [
  'answers_asked_30d', 'answers_due_30d', 'answers_in_24h_30d', 'answers_overdue', 'answer_hours_median_30d', 'end_customers_terminated_30d',
] -%}
{%- set cells = ['judged_cells', 'dialer_like_cells', 'dialer_like_talk_ms'] -%}

with parties as (

    select p.*
    from {{ ref('party_daily') }} as p
    inner join {{ ref('days_to_build') }} as d using (service_date)

),

cells as (

    select
        service_date,
        'upstream' as party_kind,
        upstream_id as party_id,
        count(*) as judged_cells,
        count(*) filter (where dialer_like) as dialer_like_cells,
        -- a call stands in a stream and in a block: minutes are those of streams
        coalesce(sum(talk_ms) filter (where dialer_like and cell_kind = 'stream'), 0)::bigint as dialer_like_talk_ms,
        (array_agg(lt_30s order by {{ wilson_lower('lt_30s', 'answered') }} desc, answered desc))[1] as worst_cell_lt_30s,
        (array_agg(answered order by {{ wilson_lower('lt_30s', 'answered') }} desc, answered desc))[1] as worst_cell_answered
    from {{ ref('upstream_cells_daily') }}
    group by service_date, upstream_id

),

traits as (

    select
        service_date,
        party_kind,
        party_id,
        bool_or(trait = 'approved_dialer') as approved_dialer,
        bool_or(trait = 'foreign') as is_foreign
    from {{ ref('party_traits_daily') }}
    group by service_date, party_kind, party_id

)

-- no attempts is a true zero here; whether it can be believed is the data status
select
    p.service_date,
    p.party_kind,
    p.party_id,
    {% for name, _ in traffic_counts() if name != 'unapproved_calling' -%}
    coalesce(t.{{ name }}, 0) as {{ name }},
    {% endfor -%}
    {% for name in traffic -%}
    coalesce(t.{{ name }}, 0) as {{ name }},
    {% endfor -%}
    t.median_talk_ms,
    coalesce(t.attempts, 0) - coalesce(t.attempts_own_network_well, 0) as attempts_in_outage,
    coalesce(t.attest_b, 0) + coalesce(t.attest_c, 0) as attest_bc,
    -- without any list of caller IDs nobody can tell
    case when p.verified_caller_ids is not null then coalesce(t.unapproved_calling, 0) end as unapproved_calling,
    case when p.verified_caller_ids is not null then coalesce(t.unapproved_calling, 0) - coalesce(t.forwarded_calling, 0) end as unvouched_calling,
    case when p.role = 'originating' then coalesce(t.signed, 0) - coalesce(t.signed_by_main_signer, 0) end as signed_by_others,
    case when coalesce(x.is_foreign, false) then coalesce(t.us_caller_id, 0) else 0 end as us_caller_id_foreign,
    {% for name in numbers -%}
    coalesce(n.{{ name }}, 0) as {{ name }},
    {% endfor -%}
    greatest(0, coalesce(t.neighbor, 0) - coalesce(n.neighbor_likely, 0)) as neighbor_excess,
    case when w.days_looked_back >= 3 then w.numbers end as calling_numbers_looked_back,
    case when w.days_looked_back >= 3 then w.new_numbers end as new_calling_numbers,
    {% for name in cells -%}
    case when p.party_kind = 'upstream' then coalesce(c.{{ name }}, 0) end as {{ name }},
    {% endfor -%}
    c.worst_cell_lt_30s,
    c.worst_cell_answered,
    coalesce(t.attempts, 0) - v.attempts_median as attempts_above_median_28d,
    v.attempts_spread as attempts_spread_28d,
    v.attempts_max as attempts_max_28d,
    p.max_cps,
    p.max_concurrent,
    p.service_date - p.onboarded_on as age_days,
    (p.traffic_class = 'conversational')::int as conversational_contract,
    case when p.customer_type is distinct from 'reseller' then coalesce(i.attempts, 0) else 0 end as attempts_as_upstream,
    {% for name in complaint_metrics() -%}
    case when p.party_kind = 'customer' then coalesce(k.{{ name }}, 0) end as {{ name }},
    {% endfor -%}
    {% for name in tracebacks -%}
    b.{{ name }},
    {% endfor -%}
    {% for name in answers -%}
    a.{{ name }},
    {% endfor -%}
    coalesce(e.legal_notices, 0) as legal_notices,
    (r.rmd_status = 'absent')::int as rmd_absent,
    (r.rmd_status = 'removed')::int as rmd_removed,
    case
        when r.rmd_status = 'listed' and r.last_recertified is not null
        then (
            p.service_date > make_date(extract(year from p.service_date)::int, 3, 1)
            and r.last_recertified < make_date(extract(year from p.service_date)::int, 2, 1)
        )::int
    end as rmd_not_recertified,
    (u.state in ('suspended', 'terminated'))::int as unreleased_suspension,
    u.linked_restrained,
    (u.watch_until is not null)::int as on_watch,
    coalesce(s.format_changed, false)::int as source_format_changed,
    coalesce(x.approved_dialer, false)::int as approved_dialer,
    (not {{ may_be_judged('s.data_status') }})::int as data_incomplete
from parties as p
left join {{ ref('party_traffic_daily') }} as t using (service_date, party_kind, party_id)
left join {{ ref('party_numbers_daily') }} as n using (service_date, party_kind, party_id)
left join {{ ref('new_calling_numbers_daily') }} as w using (service_date, party_kind, party_id)
left join {{ ref('party_volumes_daily') }} as v using (service_date, party_kind, party_id)
left join cells as c using (service_date, party_kind, party_id)
left join traits as x using (service_date, party_kind, party_id)
left join {{ ref('party_tracebacks_daily') }} as b using (service_date, party_kind, party_id)
left join {{ ref('party_data_status_daily') }} as s using (service_date, party_kind, party_id)
left join {{ ref('party_states_daily') }} as u using (service_date, party_kind, party_id)
left join {{ ref('enforcement_daily') }} as e using (service_date, party_kind, party_id)
left join {{ ref('upstream_registry_daily') }} as r on p.party_kind = 'upstream' and r.service_date = p.service_date and r.upstream_id = p.party_id
left join {{ ref('upstream_answers_daily') }} as a on p.party_kind = 'upstream' and a.service_date = p.service_date and a.upstream_id = p.party_id
left join {{ ref('customer_complaints_daily') }} as k
    on p.party_kind = 'customer' and k.service_date = p.service_date and k.customer_id = p.party_id
-- an end user on a trunk for providers
left join {{ ref('party_traffic_daily') }} as i
    on p.party_kind = 'customer' and i.service_date = p.service_date and i.party_kind = 'upstream' and i.party_id = p.party_id
