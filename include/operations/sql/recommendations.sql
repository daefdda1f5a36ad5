-- What stands in the ledger for a service date: of restated verdicts the newest, with where its review stands.
select distinct on (ledger.party_kind, ledger.party_id)
    ledger.recommendation_id,
    ledger.party_kind,
    ledger.party_id,
    ledger.payload,
    coalesce(review.payload ->> 'decision', case when escalation.entry_id is not null then 'escalated' end, 'open') as review,
    review.actor as reviewer
from decisions.ledger as ledger
left join decisions.ledger as review
    on review.entry_type = 'review' and review.payload ->> 'case_id' = ledger.payload ->> 'case_id'
left join decisions.ledger as escalation
    on escalation.entry_type = 'escalation' and escalation.payload ->> 'case_id' = ledger.payload ->> 'case_id'
where ledger.entry_type = 'recommendation' and ledger.service_date = %(day)s
order by ledger.party_kind, ledger.party_id, ledger.entry_id desc
