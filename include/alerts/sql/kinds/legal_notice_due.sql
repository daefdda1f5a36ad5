-- A notice of an authority whose party is not suspended yet, in the last 12 hours before it has to be (48 hours of a cease-and-desist letter).
select
    notice_id as subject,
    'warning' as severity,
    mitigate_by - interval '12 hours' as since,
    'Notice ' || notice_id || ' (' || kind || ' of ' || coalesce(authority, 'an unnamed authority') || ') asks to stop the traffic of '
        || party_kind || ' ' || party_id || ' by ' || to_char(mitigate_by at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC. '
        || 'Decide its case in Airflow, Required Actions.' as message
from marts.legal_notice_worklist
where mitigated_at is null and mitigate_by - interval '12 hours' <= %(now)s and %(now)s < mitigate_by
