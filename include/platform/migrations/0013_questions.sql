-- What lets somebody back or lets something pass takes two people. Entries of before have one name.
alter table decisions.ledger add constraint two_people_signed check (
    entry_type not in ('release', 'override')
    or (coalesce(payload ->> 'second' ~ '\S', false) and lower(trim(payload ->> 'second')) <> lower(trim(actor)))
) not valid;

-- A question may be lost with Airflow's tables: nobody who has not answered within a week is left without one.
create function ops.is_asked(case_id text, by_another_run_than text, at timestamptz) returns boolean
language sql stable
return exists (
    select from ops.review_requests as request
    where request.case_id = is_asked.case_id
        and request.dag_run_id is distinct from is_asked.by_another_run_than
        and request.requested_at > is_asked.at - interval '7 days'
);
grant update (dag_run_id, requested_at) on ops.review_requests to tollgate_recommender;
