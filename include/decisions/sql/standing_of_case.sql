-- What stands of a case: its newest entry that is of the case's verdict.
select service_date, party_kind, party_id, payload
from decisions.ledger
where entry_type = 'recommendation'
    and payload ->> 'case_id' = %(case_id)s
    and payload ->> 'recommendation' in ('SUSPEND', 'RESTRICT')
order by service_date desc, entry_id desc
limit 1
