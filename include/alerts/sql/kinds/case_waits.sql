-- A case that nobody has answered for half of the day that there is for it.
select
    case_id as subject,
    'warning' as severity,
    open_since + interval '12 hours' as since,
    'Case ' || case_id || ', ' || recommendation || ' of ' || party_kind || ' ' || party_id
        || ', waits for a decision since ' || to_char(open_since at time zone 'UTC', 'YYYY-MM-DD HH24:MI')
        || ' UTC, and is escalated 24 hours after that. Decide it in Airflow, Required Actions.' as message
from decisions.undecided_cases
where open_since between %(now)s - interval '24 hours' and %(now)s - interval '12 hours'
