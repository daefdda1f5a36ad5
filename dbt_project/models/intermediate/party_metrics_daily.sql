with parties as (

    select p.service_date, p.party_kind, p.party_id
    from {{ ref('party_daily') }} as p
    inner join {{ ref('days_to_build') }} as d using (service_date)

),

{% set counts = traffic_count_names() + ['peak_cps'] -%}
traffic as (

    select
        service_date, 'customer' as party_kind, customer_id as party_id, {{ counts | join(', ') }},
        null::bigint as judged_cells, null::bigint as dialer_like_cells,
        null::bigint as worst_cell_lt_30s, null::bigint as worst_cell_answered
    from {{ ref('customer_traffic_daily') }}
    union all
    select
        service_date, 'upstream' as party_kind, upstream_id as party_id, {{ counts | join(', ') }},
        judged_cells, dialer_like_cells, worst_cell_lt_30s, worst_cell_answered
    from {{ ref('upstream_traffic_daily') }}

),

registry as (

    select service_date, 'upstream' as party_kind, upstream_id as party_id, rmd_status
    from {{ ref('upstream_registry_daily') }}

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

),

suspended as (

    select d.service_date, s.party_kind, s.party_id
    from {{ ref('days_to_build') }} as d
    inner join {{ ref('stg_suspensions') }} as s
        on s.suspended_on < d.service_date
        and (s.released_on is null or s.released_on > d.service_date)
    group by d.service_date, s.party_kind, s.party_id

),

-- no attempts is a true zero here; whether it can be believed is the data status
facts as (

    select
        p.service_date,
        p.party_kind,
        p.party_id,
        {% for name in counts -%}
        coalesce(t.{{ name }}, 0) as {{ name }},
        {% endfor -%}
        case when p.party_kind = 'upstream' then coalesce(t.dialer_like_cells, 0) end as dialer_like_cells,
        t.worst_cell_lt_30s,
        t.worst_cell_answered,
        coalesce(x.is_foreign, false) as is_foreign,
        coalesce(x.approved_dialer, false)::int as approved_dialer,
        b.tracebacks_30d,
        b.tracebacks_originated_30d,
        b.tracebacks_30d_linked,
        b.tracebacks_after_termination_30d,
        coalesce(e.legal_notices, 0) as legal_notices,
        r.rmd_status,
        (u.party_id is not null)::int as unreleased_suspension,
        (not {{ is_complete('s.data_status') }})::int as data_incomplete,
        {% for name in complaint_metrics() -%}
        case when p.party_kind = 'customer' then coalesce(k.{{ name }}, 0) end as {{ name }}{{ ',' if not loop.last }}
        {% endfor %}
    from parties as p
    left join traffic as t using (service_date, party_kind, party_id)
    left join traits as x using (service_date, party_kind, party_id)
    left join {{ ref('party_tracebacks_daily') }} as b using (service_date, party_kind, party_id)
    left join {{ ref('party_data_status_daily') }} as s using (service_date, party_kind, party_id)
    left join {{ ref('enforcement_daily') }} as e using (service_date, party_kind, party_id)
    left join registry as r using (service_date, party_kind, party_id)
    left join suspended as u using (service_date, party_kind, party_id)
    left join {{ ref('customer_complaints_daily') }} as k
        on p.party_kind = 'customer' and k.service_date = p.service_date and k.customer_id = p.party_id

),

-- kind: share = part of a whole, judged by its Wilson bounds; ratio and count stand for themselves
long as (

    select f.service_date, f.party_kind, f.party_id, m.metric, m.kind, m.numerator::double precision, m.denominator::double precision
    from facts as f
    cross join lateral (
        values
        ('asr', 'share', answered::numeric, attempts::numeric),
        ('share_le_6s', 'share', le_6s, answered),
        ('share_lt_15s', 'share', lt_15s, answered),
        ('share_lt_30s', 'share', lt_30s, answered),
        ('share_lt_60s', 'share', lt_60s, answered),
        ('share_gt_120s', 'share', gt_120s, answered),
        ('abandoned_share', 'share', abandoned, attempts),
        ('rejected_share', 'share', rejected, attempts),
        ('invalid_calling_share', 'share', invalid_calling, attempts),
        ('unallocated_calling_share', 'share', unallocated_calling, allocation_judged),
        ('anonymous_calling_share', 'share', anonymous_calling, attempts),
        ('dno_share', 'share', dno_calling, attempts),
        ('unapproved_calling_share', 'share', case when party_kind = 'customer' then unapproved_calling end, attempts),
        ('neighbor_share', 'share', neighbor, attempts),
        ('attest_a_share', 'share', attest_a, attempts),
        ('attest_b_share', 'share', attest_b, attempts),
        ('attest_c_share', 'share', attest_c, attempts),
        ('unsigned_share', 'share', unsigned, attempts),
        ('us_caller_id_foreign_share', 'share', case when is_foreign then us_caller_id else 0 end, attempts),
        ('worst_cell_share_lt_30s', 'share', worst_cell_lt_30s, worst_cell_answered),
        ('acd_seconds', 'ratio', talk_ms / 1000.0, answered),
        ('calls_per_calling_number', 'ratio', attempts, distinct_calling_numbers),
        ('complaints_per_million', 'ratio', complaints_matched * 1000000, attempts),
        ('attempts', 'count', attempts, null),
        ('calls', 'count', calls, null),
        ('answered', 'count', answered, null),
        ('distinct_calling_numbers', 'count', distinct_calling_numbers, null),
        ('peak_cps', 'count', peak_cps, null),
        ('dialer_like_cells', 'count', dialer_like_cells, null),
        {% for name in complaint_metrics() -%}
        ('{{ name }}', 'count', {{ name }}, null),
        {% endfor -%}
        ('tracebacks_30d', 'count', tracebacks_30d, null),
        ('tracebacks_originated_30d', 'count', tracebacks_originated_30d, null),
        ('tracebacks_30d_linked', 'count', tracebacks_30d_linked, null),
        ('tracebacks_after_termination_30d', 'count', tracebacks_after_termination_30d, null),
        ('legal_notices', 'count', legal_notices, null),
        ('rmd_absent', 'count', (rmd_status = 'absent')::int, null),
        ('rmd_removed', 'count', (rmd_status = 'removed')::int, null),
        ('unreleased_suspension', 'count', unreleased_suspension, null),
        ('approved_dialer', 'count', approved_dialer, null),
        ('data_incomplete', 'count', data_incomplete, null)
    ) as m (metric, kind, numerator, denominator)
    where m.numerator is not null

),

valued as (

    select
        *,
        case when kind = 'count' then numerator else numerator / nullif(denominator, 0) end as value
    from long

)

select
    service_date,
    party_kind,
    party_id,
    metric,
    numerator,
    denominator,
    value,
    case when kind = 'share' then {{ wilson_lower('numerator', 'denominator') }} else value end as lower_bound,
    case when kind = 'share' then {{ wilson_upper('numerator', 'denominator') }} else value end as upper_bound
from valued
