-- What the registry said of an upstream on a service date.
select rmd_status, rmd_number, frn, matched_by, removed_on, rmd_snapshot_from
from lake.upstream_registry_daily
where service_date = %(day)s and upstream_id = %(party_id)s
