-- An escalated case that nobody has answered since, unless it was restated away on all its dates.
select
    escalation.payload ->> 'case_id' as subject,
    'critical' as severity,
    (escalation.payload ->> 'open_since')::timestamptz + interval '24 hours' as since,
    'Nobody has answered case ' || (escalation.payload ->> 'case_id') || ', ' || (escalation.payload ->> 'recommendation') || ' of '
        || escalation.party_kind || ' ' || escalation.party_id || ', open since '
        || to_char((escalation.payload ->> 'open_since')::timestamptz at time zone 'UTC', 'YYYY-MM-DD HH24:MI')
        || ' UTC. Decide it in Airflow, Required Actions.' as message
from decisions.ledger as escalation
where escalation.entry_type = 'escalation'
    and not exists (
        select from decisions.ledger as review
        where review.entry_type = 'review' and review.payload ->> 'case_id' = escalation.payload ->> 'case_id'
    )
    and exists (
        select from decisions.standing_recommendations as standing
        where standing.party_kind = escalation.party_kind
            and standing.party_id = escalation.party_id
            and standing.payload ->> 'case_id' = escalation.payload ->> 'case_id'
    )
