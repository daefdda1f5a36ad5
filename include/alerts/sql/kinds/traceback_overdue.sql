-- A traceback notice that nobody has answered in 24 hours.
select
    traceback_id as subject,
    'critical' as severity,
    due_at as since,
    'Traceback ' || traceback_id || ' was to be answered by ' || to_char(due_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC, '
        || 'by the business hours of the rule ' || to_char(legal_due_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC (' || search_state || '). '
        || 'Answer it in Airflow, Required Actions, at once; make notice prints a draft.' as message
from marts.traceback_worklist
where responded_at is null and due_at <= %(now)s
