-- Recommendations that were appended together: of a service date, by one actor, at one instant.
select
    service_date,
    actor,
    recorded_at,
    min(entry_id) as first_entry,
    max(entry_id) as last_entry,
    min((payload -> 'inputs' -> 'builds' ->> 'last')::bigint) as last_build,
    min(payload -> 'inputs' -> 'builds' ->> 'sha256') as builds_sha256
from decisions.ledger
where entry_type = 'recommendation'
group by service_date, actor, recorded_at
order by last_entry
