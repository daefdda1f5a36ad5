-- What is usual for a party: its own complete days among the 28 before. Fewer than 7 of them say nothing.
with days as (

    select service_date from {{ ref('days_to_build') }}

),

-- a party without an attempt on a complete day had none
history as (

    select
        d.service_date,
        s.party_kind,
        s.party_id,
        coalesce(t.attempts, 0) as attempts
    from days as d
    inner join {{ ref('party_data_status_daily') }} as s
        on s.service_date between d.service_date - 28 and d.service_date - 1
        and {{ is_complete('s.calls_status') }}
    left join {{ ref('party_traffic_daily') }} as t
        on t.service_date = s.service_date and t.party_kind = s.party_kind and t.party_id = s.party_id

),

medians as (

    select
        service_date,
        party_kind,
        party_id,
        count(*) as days,
        max(attempts) as attempts_max,
        percentile_cont(0.5) within group (order by attempts) as attempts_median
    from history
    group by service_date, party_kind, party_id
    having count(*) >= 7

),

spreads as (

    select h.service_date, h.party_kind, h.party_id, percentile_cont(0.5) within group (order by abs(h.attempts - m.attempts_median)) as median_distance
    from history as h
    inner join medians as m using (service_date, party_kind, party_id)
    group by h.service_date, h.party_kind, h.party_id

)

select
    m.service_date,
    m.party_kind,
    m.party_id,
    m.days,
    m.attempts_max,
    m.attempts_median,
    -- of a party that calls almost the same every day a little more is no step
    greatest(1.4826 * s.median_distance, 0.1 * m.attempts_median, sqrt(m.attempts_median), 1) as attempts_spread
from medians as m
inner join spreads as s using (service_date, party_kind, party_id)
