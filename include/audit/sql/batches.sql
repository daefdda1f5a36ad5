-- Recommendations that were appended together: of a service date, by one actor, at one instant.
select
    service_date,
    actor,
    recorded_at,
    min(entry_id) as first_entry,
    max(entry_id) as last_entry,
    array_agg(distinct (payload -> 'inputs' ->> 'build')::bigint) as builds
from decisions.ledger
where entry_type = 'recommendation'
group by service_date, actor, recorded_at
order by last_entry
