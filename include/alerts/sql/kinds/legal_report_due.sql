-- A notice of an authority that is to be reported on within the next 3 days (14 days of a cease-and-desist letter). Where the
-- traffic is to be stopped by the same instant, that is told.
select
    notice_id as subject,
    'warning' as severity,
    report_by - interval '3 days' as since,
    'Notice ' || notice_id || ' (' || kind || ' of ' || coalesce(authority, 'an unnamed authority') || ') about '
        || party_kind || ' ' || party_id || ' is to be reported on by ' || to_char(report_by at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC. '
        || 'Send the report to the authority; nothing here knows whether it is sent.' as message
from marts.legal_notice_worklist
where report_by > mitigate_by and report_by - interval '3 days' <= %(now)s and %(now)s < report_by
