-- Cases that a person has to decide, of a day and of later days restated with it: not answered, not yet asked by another
-- run. What stands of a case may be a restated entry, or, where nobody was asked in time, one of a later day. Beside each, what
-- state the party is in now, null for one that has left the reference data since, and its history: verdicts and decisions of before.
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
),

waiting as (
    select distinct on (newest.payload ->> 'case_id') newest.payload ->> 'case_id' as case_id, newest.*
    from newest
    where newest.payload ->> 'recommendation' in ('SUSPEND', 'RESTRICT')
        and not exists (
            select from decisions.ledger as review
            where review.entry_type = 'review' and review.payload ->> 'case_id' = newest.payload ->> 'case_id'
        )
        and not ops.is_asked(newest.payload ->> 'case_id', %(dag_run_id)s, %(at)s)
    order by newest.payload ->> 'case_id', newest.service_date
)

select
    waiting.case_id,
    waiting.recommendation_id,
    waiting.service_date,
    party_kind,
    party_id,
    waiting.payload,
    stands.party_state,
    array(
        select earlier.service_date || ' ' || (earlier.payload ->> 'recommendation')
        from decisions.standing_recommendations as earlier
        where earlier.party_kind = waiting.party_kind and earlier.party_id = waiting.party_id and earlier.service_date < waiting.service_date
        order by earlier.service_date desc
        limit 7
    ) as verdicts_before,
    array(
        select
            decided.service_date || ' ' || (decided.payload ->> 'decision') || ' by ' || decided.actor
            || coalesce(': ' || nullif(decided.payload ->> 'comment', ''), '')
        from decisions.ledger as decided
        where decided.entry_type = 'review' and decided.party_kind = waiting.party_kind and decided.party_id = waiting.party_id
        order by decided.entry_id desc
        limit 5
    ) as decided_before
from waiting
left join marts.recommendations as stands using (party_kind, party_id)
order by waiting.service_date, party_kind, party_id
