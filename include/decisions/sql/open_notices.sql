-- Notices that nobody has answered and that no other run has asked a person about.
select
    'traceback:' || worklist.traceback_id as case_id,
    worklist.*
from marts.traceback_worklist as worklist
where worklist.responded_at is null
    and not exists (
        select from ops.review_requests as request
        where request.case_id = 'traceback:' || worklist.traceback_id and request.dag_run_id is distinct from %(dag_run_id)s
    )
order by worklist.due_at, worklist.traceback_id
-- Airflow maps at most 1,024 tasks; what is left is asked by the next run.
limit 500
