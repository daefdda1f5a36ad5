-- A service date since the installation that has not reached its second gate six hours after its end: no run came, or it did not
-- end. Of the last 28 dates; earlier ones are backfilled, not expected.
select
    service_date::date::text as subject,
    'critical' as severity,
    service_date at time zone 'UTC' + interval '30 hours' as since,
    'Service date ' || service_date::date || ' is not judged. See its runs in Airflow and make status; then make backfill FROM='
        || service_date::date || ' TO=' || service_date::date || '.' as message
from generate_series(
    greatest(
        (select min(applied_at) from ops.schema_migrations) at time zone 'UTC',
        %(now)s at time zone 'UTC' - interval '29 days'
    )::date,
    %(now)s at time zone 'UTC' - interval '30 hours',
    interval '1 day'
) as service_date
where not exists (
    select from ops.gate_results as result where result.gate = 'marts' and result.service_date = service_date.service_date::date
)
