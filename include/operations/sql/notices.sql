-- Notices that are not answered, and those received on the newest dates, most urgent first.
select
    traceback_id,
    requester,
    received_at,
    due_at,
    legal_due_at,
    match_status,
    match_window_seconds,
    hour_slip,
    party_kind,
    party_id,
    source_file,
    source_line,
    state,
    recurrence,
    answer_draft
from marts.traceback_worklist
where responded_at is null
order by due_at desc, traceback_id
limit 20
