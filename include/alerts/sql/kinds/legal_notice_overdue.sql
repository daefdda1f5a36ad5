-- A notice of an authority whose party is not suspended in time.
select
    notice_id as subject,
    'critical' as severity,
    mitigate_by as since,
    'Notice ' || notice_id || ' (' || kind || ' of ' || coalesce(authority, 'an unnamed authority') || ') asked to stop the traffic of '
        || party_kind || ' ' || party_id || ' by ' || to_char(mitigate_by at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC, '
        || 'and nobody has approved a suspension. Decide its case in Airflow, Required Actions, at once.' as message
from marts.legal_notice_worklist
where mitigated_at is null and mitigate_by <= %(now)s
