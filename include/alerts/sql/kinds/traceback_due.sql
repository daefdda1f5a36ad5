-- A traceback notice that nobody has answered, in the last 6 of its 24 hours.
select
    traceback_id as subject,
    'warning' as severity,
    due_at - interval '6 hours' as since,
    'Traceback ' || traceback_id || ' is to be answered by ' || to_char(due_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC (' || search_state || '). '
        || 'Answer it in Airflow, Required Actions; make notice prints a draft.' as message
from marts.traceback_worklist
where responded_at is null and due_at - interval '6 hours' <= %(now)s and %(now)s < due_at
