-- Entries between two of the ledger, the later one included. Of recommendations those that anything is made of: of the date, those
-- that were reviewed, and what each party was last told.
with known as (
    select * from decisions.ledger where entry_id <= {until}
),

last_told as (
    select distinct on (party_kind, party_id) entry_id
    from known
    where entry_type = 'recommendation' and service_date <= {day}
    order by party_kind, party_id, service_date desc, entry_id desc
)

select *
from known
where entry_id > {after}
    and (
        entry_type <> 'recommendation'
        or service_date = {day}
        or recommendation_id in (select payload ->> 'case_id' from known where entry_type = 'review')
        or entry_id in (select entry_id from last_told)
    )
