-- What a party is called, what state it is in now, and what its last release said.
select
    stands.legal_name,
    stands.party_state as state,
    release.service_date as released_on,
    release.payload as release
from marts.recommendations as stands
left join lateral (
    select service_date, payload
    from decisions.ledger
    where entry_type = 'release' and party_kind = stands.party_kind and party_id = stands.party_id
    order by entry_id desc
    limit 1
) as release on true
where stands.party_kind = %(party_kind)s and stands.party_id = %(party_id)s
