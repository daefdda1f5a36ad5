-- Cases of a day, and of later days restated with it, that a person has to decide: newly opened, not answered, not yet
-- asked by another run.
with newest as (
    select distinct on (party_kind, party_id, service_date)
        recommendation_id,
        service_date,
        party_kind,
        party_id,
        payload
    from decisions.ledger
    where entry_type = 'recommendation' and service_date >= %(day)s
    order by party_kind, party_id, service_date, entry_id desc
)

select recommendation_id, service_date, party_kind, party_id, payload
from newest
where payload ->> 'recommendation' in ('SUSPEND', 'RESTRICT')
    and payload ->> 'case_id' = recommendation_id
    and not exists (
        select from decisions.ledger as review where review.entry_type = 'review' and review.payload ->> 'case_id' = newest.recommendation_id
    )
    and not exists (
        select from ops.review_requests as request where request.case_id = newest.recommendation_id and request.dag_run_id <> %(dag_run_id)s
    )
order by service_date, party_kind, party_id
