-- Dates of every recommendation of a case that nobody has answered: what it rests on is kept until somebody has.
select distinct verdicts.service_date
from decisions.standing_recommendations as verdicts
where verdicts.payload ->> 'recommendation' in ('SUSPEND', 'RESTRICT')
    and not exists (
        select from decisions.ledger as reviews
        where reviews.entry_type = 'review' and reviews.payload ->> 'case_id' = verdicts.payload ->> 'case_id'
    )
