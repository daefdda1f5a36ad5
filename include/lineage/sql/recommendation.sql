-- A recommendation's ledger entry, with the review of its case.
select
    entry.entry_id,
    entry.recorded_at,
    entry.actor,
    entry.service_date,
    entry.party_kind,
    entry.party_id,
    entry.payload,
    entry.previous_hash,
    entry.hash,
    review.actor as reviewer,
    review.recorded_at as reviewed_at,
    review.payload ->> 'decision' as decision,
    review.payload ->> 'comment' as comment,
    escalation.recorded_at as escalated_at,
    (
        select later.recommendation_id
        from decisions.ledger as later
        where later.entry_type = 'recommendation'
            and later.party_kind = entry.party_kind
            and later.party_id = entry.party_id
            and later.service_date = entry.service_date
            and later.entry_id > entry.entry_id
        order by later.entry_id desc
        limit 1
    ) as restated_by
from decisions.ledger as entry
left join decisions.ledger as review
    on review.entry_type = 'review' and review.payload ->> 'case_id' = entry.payload ->> 'case_id'
left join decisions.ledger as escalation
    on escalation.entry_type = 'escalation' and escalation.payload ->> 'case_id' = entry.payload ->> 'case_id'
where entry.entry_type = 'recommendation' and entry.recommendation_id = %(recommendation_id)s
