-- DuckDB: the finished attempts of the service date, of all parties.
select *
from read_parquet($calls, hive_partitioning = false) as calls
semi join loaded using (receipt_id)
anti join replaced using (receipt_id, source_line)
where record_kind in ('stop', 'attempt')
