-- Checks that block a date: what the newest run of their gate found. A block is known by the run that it began with: the last that
-- found the check failed after it was not, or took in a feed. So it stays the same while only its figures change or a feed is let pass.
with newest as (
    select distinct on (service_date, gate) service_date, gate, run
    from ops.gate_results
    order by service_date, gate, recorded_at desc, run desc
),

blocked as (
    select results.*
    from ops.gate_results as results
    join newest using (service_date, gate, run)
    where results.outcome = 'blocked'
),

history as (
    select
        service_date,
        gate,
        "check",
        results.run,
        results.recorded_at,
        results.outcome,
        array(select unnest(results.affected) except select unnest(results.overridden) order by 1) as feeds
    from ops.gate_results as results
    join blocked using (service_date, gate, "check")
),

steps as (
    select
        *,
        lag(outcome) over of_check as outcome_before,
        lag(feeds) over of_check as feeds_before
    from history
    window of_check as (partition by service_date, gate, "check" order by recorded_at, run)
),

began as (
    select distinct on (service_date, gate, "check") service_date, gate, "check", run
    from steps
    where outcome = 'blocked'
        and (
            outcome_before is distinct from 'blocked'
            or not feeds_before @> feeds
            -- without a feed by name it holds all of them
            or (feeds = '{}' and feeds_before <> '{}')
        )
    order by service_date, gate, "check", recorded_at desc, run desc
)

select
    concat_ws(':', 'gate', service_date, gate, "check", began.run) as case_id,
    service_date,
    gate,
    "check",
    blocked.run,
    history.feeds,
    blocked.observed,
    blocked.expected,
    blocked.remedy
from blocked
join history using (service_date, gate, "check", run)
join began using (service_date, gate, "check")
order by service_date, gate, "check"
