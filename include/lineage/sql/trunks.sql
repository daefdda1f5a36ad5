-- Whose trunk was whose on a service date.
select party_kind, party_id, trunk, switch_id
from lake.party_trunks_daily
where service_date = %(day)s
