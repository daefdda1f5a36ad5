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
-- Cases, by the entry that opened each, that nobody has decided. What later dates say of the party is no answer; a case that was
-- restated away on all its dates waits for nobody.
create view decisions.undecided_cases as
select
    opening.entry_id,
    opening.recommendation_id as case_id,
    opening.service_date,
    opening.party_kind,
    opening.party_id,
    opening.payload ->> 'recommendation' as recommendation,
    opening.recorded_at as open_since
from decisions.ledger as opening
where opening.entry_type = 'recommendation'
    and opening.payload ->> 'recommendation' in ('SUSPEND', 'RESTRICT')
    and opening.payload ->> 'case_id' = opening.recommendation_id
    and not exists (
        select from decisions.ledger as review
        where review.entry_type = 'review' and review.payload ->> 'case_id' = opening.recommendation_id
    )
    and exists (
        select from decisions.standing_recommendations as standing
        where standing.party_kind = opening.party_kind
            and standing.party_id = opening.party_id
            and standing.payload ->> 'case_id' = opening.recommendation_id
    );
comment on view decisions.undecided_cases is 'Cases that wait for a person: one row each, with the instant of the entry that opened it.';
grant select on decisions.undecided_cases to tollgate_recommender, tollgate_notifier, tollgate_auditor;

grant update (dag_run_id, requested_at) on ops.review_requests to tollgate_recommender;
