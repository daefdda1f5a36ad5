-- No audit for eight days, although dates are processed.
with audited as (
    select greatest(
        (select max(recorded_at) from decisions.ledger where entry_type = 'audit'),
        (select min(first_processed_at) from ops.processed_days)
    ) as last_at
)

select
    'audit' as subject,
    'critical' as severity,
    last_at + interval '8 days' as since,
    'No audit has been recorded since ' || to_char(last_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI')
        || ' UTC. See the runs of audit_controls in Airflow, and run make verify.' as message
from audited
where last_at + interval '8 days' <= %(now)s
    and exists (select from ops.processed_days where processed_at > %(now)s - interval '8 days')
