-- What parties stood recommended for a date once a batch was appended, as the ledger has it.
select distinct on (party_kind, party_id)
    party_kind,
    party_id,
    recommendation_id,
    entry_id >= %(first_entry)s as is_new,
    payload - 'case_id' - 'inputs' as content
from decisions.ledger
where entry_type = 'recommendation' and service_date = %(day)s and entry_id <= %(last_entry)s
order by party_kind, party_id, entry_id desc
