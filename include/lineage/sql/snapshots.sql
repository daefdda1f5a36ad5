-- DuckDB: which snapshots of reference tables arrived, and from which date each is valid.
create or replace temp table snapshots as
select feed, receipt_id, coalesce(dated_on, cast(arrived_at as date)) as valid_from, arrived_at
from read_parquet($arrivals) as arrivals
semi join (select receipt_id from read_parquet($receipts) where state <> 'refused') as loaded using (receipt_id)
where arrivals.kind = 'reference'
