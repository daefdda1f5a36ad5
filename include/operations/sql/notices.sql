-- Notices that are not answered, the newest first.
select traceback_id, due_at, party_kind, party_id, source_file, source_line, state, recurrence, answer_draft
from marts.traceback_worklist
where responded_at is null
order by due_at desc, traceback_id
limit 20
