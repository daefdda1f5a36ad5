-- Checks that block a date: what the newest run of their gate found. A block is known by the run that it began with: the first
-- after which every run blocked the same feeds, perhaps with others. So it stays the same while nothing but its figures changes or
-- a feed is let pass, and is another one where it takes in a feed, or comes back after it was gone.
with results as not materialized (
    select *, array(select unnest(affected) except select unnest(overridden) order by 1) as feeds
    from ops.gate_results
),

newest as (
    select distinct on (service_date, gate) service_date, gate, run
    from ops.gate_results
    order by service_date, gate, recorded_at desc, run desc
)

select
    concat_ws(':', 'gate', service_date, gate, blocked."check", began.run) as case_id,
    service_date,
    gate,
    blocked."check",
    blocked.run,
    blocked.outcome,
    blocked.feeds,
    blocked.observed,
    blocked.expected,
    blocked.remedy
from results as blocked
join newest using (service_date, gate, run)
cross join lateral (
    select same.run
    from results as same
    where same.service_date = blocked.service_date
        and same.gate = blocked.gate
        and same."check" = blocked."check"
        and same.recorded_at > coalesce(
            (
                select max(other.recorded_at)
                from results as other
                where other.service_date = blocked.service_date
                    and other.gate = blocked.gate
                    and other."check" = blocked."check"
                    and not (other.outcome = 'blocked' and other.feeds @> blocked.feeds and (blocked.feeds <> '{}' or other.feeds = '{}'))
            ),
            '-infinity'
        )
    order by same.recorded_at
    limit 1
) as began
where blocked.outcome = 'blocked'
order by service_date, gate, blocked."check"
