-- DuckDB: the snapshot of a reference table that is valid from a date; of several, the one that arrived last.
select arg_max(receipt_id, arrived_at) as receipt_id
from snapshots
where feed = $feed and valid_from = $day
having count(*) > 0
