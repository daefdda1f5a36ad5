-- What people did about a case, and releases of its party after the recommendation, in the order of the ledger.
select entry_id, entry_type, recorded_at, actor, payload
from decisions.ledger
where entry_type not in ('recommendation', 'gate', 'receipts')
    and (party_kind = %(party_kind)s and party_id = %(party_id)s or party_kind is null)
    and (payload ->> 'case_id' = %(case_id)s or entry_type = 'release' and party_id = %(party_id)s and entry_id > %(entry_id)s)
order by entry_id
