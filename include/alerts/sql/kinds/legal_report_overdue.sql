-- A notice of an authority whose day of report is past. Nobody says here that a report was sent, so it is told for 30 days.
select
    notice_id as subject,
    'critical' as severity,
    report_by as since,
    'Notice ' || notice_id || ' (' || kind || ' of ' || coalesce(authority, 'an unnamed authority') || ') about '
        || party_kind || ' ' || party_id || ' was to be reported on by ' || to_char(report_by at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC. '
        || 'Make sure that the report was sent; nothing here knows of it.' as message
from marts.legal_notice_worklist
where report_by > mitigate_by and report_by <= %(now)s and %(now)s < report_by + interval '30 days'
