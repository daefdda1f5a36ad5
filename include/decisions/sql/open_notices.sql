-- Notices that nobody has answered and that no other run has asked a person about. One whose search came to something else
-- since is asked about anew, for the draft that was shown no longer holds.
with waiting as (
    select 'traceback:' || traceback_id || ':' || search_state || coalesce(':' || party_id, '') as case_id, *
    from marts.traceback_worklist
    where responded_at is null
)

select *
from waiting
where not ops.is_asked(waiting.case_id, %(dag_run_id)s, %(at)s)
order by due_at, traceback_id
-- Airflow maps at most 1,024 tasks; what is left is asked by the next run.
limit 500
