-- Cases that a person was to decide within 24 hours of their first entry, and did not. What later dates say of the party is no
-- answer; a case that was restated away on all its dates waits for none.
select
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
    and opening.recorded_at < %(now)s - interval '24 hours'
    and not exists (
        select from decisions.ledger as review
        where review.entry_type = 'review' and review.payload ->> 'case_id' = opening.recommendation_id
    )
    and not exists (
        select from decisions.ledger as escalation
        where escalation.entry_type = 'escalation' and escalation.payload ->> 'case_id' = opening.recommendation_id
    )
    and exists (
        select from decisions.standing_recommendations as standing
        where standing.party_kind = opening.party_kind
            and standing.party_id = opening.party_id
            and standing.payload ->> 'case_id' = opening.recommendation_id
    )
order by opening.recorded_at, opening.entry_id
