-- A party's name and trunks on the newest processed day.
select
    stands.party_kind,
    stands.party_id,
    stands.legal_name,
    array(
        select distinct trunks.trunk
        from lake.party_trunks_daily as trunks
        where trunks.party_kind = stands.party_kind
            and trunks.party_id = stands.party_id
            and trunks.service_date = (select max(service_date) from lake.party_trunks_daily)
        order by trunks.trunk
    ) as trunks
from marts.recommendations as stands
where stands.party_kind = %(party_kind)s and stands.party_id = %(party_id)s
