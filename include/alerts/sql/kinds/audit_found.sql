-- The newest audit found something: an entry or receipt that was changed, or a recommendation that does not come out again.
with newest as (
    select * from decisions.ledger where entry_type = 'audit' order by entry_id desc limit 1
)

select
    'audit' as subject,
    'critical' as severity,
    recorded_at as since,
    'The audit of ' || to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC found ' || jsonb_array_length(payload -> 'problems')
        || ' problems of the ledger and receipts, and ' || (
            select coalesce(sum((made ->> 'differences')::integer), 0) from jsonb_array_elements(payload -> 'recomputed') as made
        )
        || ' differences of past recommendations: entry ' || entry_id || ' of decisions.ledger names them. See Auditing in the runbook.' as message
from newest
where payload ->> 'outcome' = 'found'
