-- A case that nobody has answered for half of the day that there is for it.
select
    opening.recommendation_id as subject,
    'warning' as severity,
    opening.recorded_at + interval '12 hours' as since,
    'Case ' || opening.recommendation_id || ', ' || (opening.payload ->> 'recommendation') || ' of ' || opening.party_kind || ' ' || opening.party_id
        || ', waits for a decision since ' || to_char(opening.recorded_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI')
        || ' UTC, and is escalated 24 hours after that. Decide it in Airflow, Required Actions.' as message
from decisions.ledger as opening
where opening.entry_type = 'recommendation'
    and opening.payload ->> 'recommendation' in ('SUSPEND', 'RESTRICT')
    and opening.payload ->> 'case_id' = opening.recommendation_id
    and opening.recorded_at between %(now)s - interval '24 hours' and %(now)s - interval '12 hours'
    and not exists (
        select from decisions.ledger as review
        where review.entry_type = 'review' and review.payload ->> 'case_id' = opening.recommendation_id
    )
    and exists (
        select from decisions.standing_recommendations as standing
        where standing.party_kind = opening.party_kind
            and standing.party_id = opening.party_id
            and standing.payload ->> 'case_id' = opening.recommendation_id
    )
