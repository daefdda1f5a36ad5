-- A recommendation's ledger entry, and the last one that restates it.
select
    entry.*,
    (
        select later.recommendation_id
        from decisions.ledger as later
        where later.entry_type = 'recommendation'
            and later.party_kind = entry.party_kind
            and later.party_id = entry.party_id
            and later.service_date = entry.service_date
            and later.entry_id > entry.entry_id
        order by later.entry_id desc
        limit 1
    ) as restated_by
from decisions.ledger as entry
where entry.entry_type = 'recommendation' and entry.recommendation_id = %(recommendation_id)s
