-- The notices of the 30 days until a service date that each trace one call to the party or to one linked with it.
select
    traceback_id, requester, violation_class, campaign, received_at, notice_file, notice_line,
    match_window_seconds, hour_slip, call_id, call_at, party_kind, party_id, source_file, source_line, source_receipt_id,
    notice_receipt_id
from marts.traceback_worklist
where match_status = 'unique'
    and party_id = any(%(party_ids)s)
    and service_date between %(day)s::date - 29 and %(day)s
order by received_at, traceback_id
