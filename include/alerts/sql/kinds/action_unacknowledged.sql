-- An order that nobody has said is carried out. Traffic that is to be stopped today is not to wait for a shift's end.
select
    action_id as subject,
    'critical' as severity,
    ordered_at + interval '4 hours' as since,
    'Nobody has acknowledged the order ' || action_id || ', ' || action || ' ' || party_kind || ' ' || party_id || ', of '
        || to_char(ordered_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC. See that it is carried out, then make acknowledge.' as message
from decisions.actions
where acknowledged_at is null and ordered_at < %(now)s - interval '4 hours'
