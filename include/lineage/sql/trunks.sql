-- A party's trunks on a service date, and those of others that go before them on one switch. An empty switch means every switch.
select trunk, switch_id, (party_kind, party_id) = (%(party_kind)s, %(party_id)s) as is_its_own
from lake.party_trunks_daily
where service_date = %(day)s
    and trunk in (
        select own.trunk
        from lake.party_trunks_daily as own
        where own.service_date = %(day)s and own.party_kind = %(party_kind)s and own.party_id = %(party_id)s
    )
order by trunk, switch_id
