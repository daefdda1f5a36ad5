-- DuckDB: the snapshot of a reference table that is valid from a date; of several, the one that arrived last.
select arg_max(receipt_id, arrived_at) as receipt_id
from read_parquet($arrivals) as arrivals
semi join (select receipt_id from read_parquet($receipts) where state <> 'refused') as loaded using (receipt_id)
where arrivals.feed = $feed and coalesce(dated_on, cast(arrived_at as date)) = $day
having count(*) > 0
