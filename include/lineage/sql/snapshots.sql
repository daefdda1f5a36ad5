-- DuckDB: which snapshots of reference tables had arrived, and from which date each is valid.
select feed, receipt_id, coalesce(dated_on, cast(arrived_at as date)) as valid_from, arrived_at
from read_parquet($arrivals) as arrivals
semi join loaded using (receipt_id)
where kind = 'reference' and arrived_at <= $known_at
