-- Cases that a person was to decide within 24 hours of their first entry, and did not. What stands of a case is the newest
-- entry of a date; what later dates say of the party is no answer.
with newest as (
    select distinct on (party_kind, party_id, service_date) payload
    from decisions.ledger
    where entry_type = 'recommendation'
    order by party_kind, party_id, service_date, entry_id desc
),

waiting as (
    select distinct payload ->> 'case_id' as case_id
    from newest
    where payload ->> 'recommendation' in ('SUSPEND', 'RESTRICT')
)

select
    opening.recommendation_id as case_id,
    opening.service_date,
    opening.party_kind,
    opening.party_id,
    opening.payload ->> 'recommendation' as recommendation,
    opening.recorded_at as open_since
from waiting
join decisions.ledger as opening on opening.entry_type = 'recommendation' and opening.recommendation_id = waiting.case_id
where opening.recorded_at < %(now)s - interval '24 hours'
    and not exists (
        select from decisions.ledger as answer
        where answer.entry_type in ('review', 'escalation') and answer.payload ->> 'case_id' = waiting.case_id
    )
order by opening.recorded_at, opening.entry_id
